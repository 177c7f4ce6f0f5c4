import Hummingbird

/// What customers send.
struct QuestionRoutes: Sendable {
    let questions: Questions

    private struct Form: Decodable {
        let sender, text: String
    }

    func add(to router: Router<BasicRequestContext>) {
        router.post("questions") { request, context in
            let form = try await request.decode(as: Form.self, context: context)
            try await questions.ask(form.text, by: form.sender)
            return HTTPResponse.Status.created
        }
    }
}
