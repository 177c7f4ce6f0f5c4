import Hummingbird
import MessageQueue
import QueueDesk

/// What customers ask, at the desk: those who may only read, read; operators answer.
struct QuestionsPage: Sendable {
    let desk: QueueDesk
    let questions: Questions

    private static let refresh = Duration.seconds(10)

    func add(to router: some RouterMethods) {
        router.get("questions") { _, _ in try await show() }
        router.post("questions/:id/answer") { request, context in
            guard let id = context.parameters.get("id", as: Int64.self) else {
                throw Refusal(.notFound, "No question.")
            }
            guard let text = try await Fields(body: request)["text"] else {
                throw Refusal(.badRequest, "Say something.")
            }
            let isDone = try await desk.acting { try await questions.answer(id, text, by: Operator.current) }
            guard isDone else { throw Refusal(.conflict, "Somebody else has answered it.") }
            return desk.seeOther("/questions")
        }
    }

    private func show() async throws -> Response {
        // Read once, however many have the page open.
        let open = try await desk.shared(desk.path("/questions"), refresh: Self.refresh) { [questions] in
            try await questions.unanswered()
        }
        return desk.page(
            "Questions", at: "/questions", refresh: Self.refresh,
            [
                .table(
                    "Questions without an answer", ["Asked", "By", "Question", ""],
                    open.map { [.moment($0.askedAt), .text($0.sender), .text($0.text), form($0)] },
                    empty: "All questions have been answered.")
            ])
    }

    private func form(_ question: Question) -> HTML {
        guard Visitor.mayChange else { return "" }
        return desk.form(
            "/questions/\(question.id)/answer", [.field("Answer", .area("text", "", rows: 2)), .button("Answer")])
    }
}
