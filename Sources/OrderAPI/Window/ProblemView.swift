import Hummingbird
import ShoeShop
import ShopHTTP

/// What went wrong, for whoever sits before a browser.
struct ProblemView {
    private let problem: Problem

    init(_ problem: Problem) { self.problem = problem }

    var response: Response { WindowPage("That did not work", html).response(problem.httpStatus) }

    private var html: HTML {
        let detail: HTML = problem.detail.map { "<p>\($0)</p>" } ?? ""
        let errors = (problem.errors ?? []).map { "<li>\($0.pointer) \($0.detail)</li>" as HTML }
        let list: HTML = errors.isEmpty ? "" : "<ul>\(errors)</ul>"
        return """
            <p class="alert" role="alert">\(problem.title)</p>
            \(detail)\(list)<p><a href="/">To the shoes</a></p>

            """
    }
}
