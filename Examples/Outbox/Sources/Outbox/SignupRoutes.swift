import Hummingbird

/// The routes of the app.
struct SignupRoutes: Sendable {
    let signups: Signups

    func add(to router: Router<BasicRequestContext>) {
        router.post("signups") { request, context in
            let signup = try await request.decode(as: Signup.self, context: context)
            return try await signups.add(signup) ? HTTPResponse.Status.created : .conflict
        }
        router.get("signups") { _, _ in try await signups.all() }
    }
}

struct Signup: ResponseCodable, Sendable {
    let email: String
    let name: String
    var welcomedAt: String?
}
