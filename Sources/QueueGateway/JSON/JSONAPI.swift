import HTTPTypes
import MessageQueue

/// Our own protocol: JSON over plain HTTP, for programs without a client library, and for people with `curl`.
struct JSONAPI: Dialect {
    private let backend: Backend
    private let errands: Errands

    init(_ backend: Backend, _ errands: Errands) {
        self.backend = backend
        self.errands = errands
    }

    func answer(_ call: Call) async throws -> Answer {
        do { return try await route(call) } catch let problem as Problem {
            return problem.answer(id: call.id)
        } catch let error as QueueError {
            guard let problem = Problem(error) else { throw error }
            return problem.answer(id: call.id)
        }
    }

    private func route(_ call: Call) async throws -> Answer {
        let path = Array(call.path.dropFirst())
        // What is told of the API itself, everybody may read.
        if let page = try Description.page(call, path) { return page }
        let account = try await PresentedKey(call.head).account(among: backend.keys)
        guard call.path.first == "v1" else { throw Problem(.noSuchPath, "GET /v1/openapi.yaml tells what there is.") }
        let (route, names) = try Route.find(call.method, path)
        let own = JSONCall(call: call, account: account, backend: backend, errands: errands, names: names)
        return try await account.caller.act { try await route.handle(own) }
    }

    func answer(_ refusal: Refusal, to call: Call) -> Answer { Problem(refusal).answer(id: call.id) }

    func template(of path: [String]) -> String? {
        guard path.first == "v1" else { return nil }
        let own = Array(path.dropFirst())
        return Route.all.lazy.map(\.pattern).template(of: own) ?? Description.template(of: own)
    }

    func mayWait(_ call: Call) -> Bool {
        call.method == .post && call.path.count == 5 && ["receive", "check"].contains(call.path[4])
            && !["0", nil].contains(call.query["waitSeconds"])
    }
}
