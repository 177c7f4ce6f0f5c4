extension HTML {
    /// A control with its label.
    public static func field(_ label: String, _ control: HTML) -> HTML {
        HTML("label", [:], [HTML("span", [:], [.text(label)]), control])
    }

    /// A field of one line, with what is wrong about it, if something is.
    public static func input(_ name: String, _ value: String?, type: String = "text", error: String? = nil) -> HTML {
        HTML([
            HTML(
                "input",
                [
                    "name": name, "type": type, "value": value.flatMap { $0.isEmpty ? nil : $0 },
                    "step": type == "number" ? "any" : nil, "autocomplete": "off",
                    "aria-invalid": error.map { _ in "true" }, "aria-describedby": error.map { _ in mark(of: name) },
                ]),
            wrong(error, about: name),
        ])
    }

    /// A field of several lines, with what is wrong about it, if something is.
    public static func area(_ name: String, _ value: String, rows: Int, error: String? = nil) -> HTML {
        HTML([
            HTML(
                "textarea",
                [
                    "name": name, "rows": "\(rows)", "spellcheck": "false", "autocomplete": "off",
                    "aria-invalid": error.map { _ in "true" }, "aria-describedby": error.map { _ in mark(of: name) },
                ], [.text(value)]),
            wrong(error, about: name),
        ])
    }

    private static func mark(of name: String) -> String { "wrong-\(name)" }

    private static func wrong(_ error: String?, about name: String) -> HTML {
        guard let error else { return "" }
        return HTML("span", ["class": "wrong", "id": mark(of: name)], [.text(error)])
    }

    /// What a form brings along unseen.
    public static func hidden(_ name: String, _ value: String) -> HTML {
        HTML("input", ["type": "hidden", "name": name, "value": value])
    }

    /// One of several, with what is wrong about it, if something is. `none` is read where nothing is chosen; nil
    /// leaves that out.
    public static func select(
        _ name: String, _ options: [String], chosen: String?, none: String?, error: String? = nil
    ) -> HTML {
        // A value of a blank: an empty one would stand for the text.
        let nothing = none.map { [HTML("option", ["value": " "], [.text($0)])] } ?? []
        let all = options.map { HTML("option", ["value": $0, "selected": $0 == chosen ? "" : nil], [.text($0)]) }
        return HTML([
            HTML(
                "select",
                [
                    "name": name, "aria-invalid": error.map { _ in "true" },
                    "aria-describedby": error.map { _ in mark(of: name) },
                ], nothing + all),
            wrong(error, about: name),
        ])
    }

    /// One of several; to be typed where it isn't known which there are.
    static func choice(
        _ name: String, _ options: [String]?, chosen: String?, none: String?, error: String? = nil
    ) -> HTML {
        options.map { select(name, $0, chosen: chosen, none: none, error: error) } ?? input(name, chosen, error: error)
    }

    /// What sends a form; a dangerous one looks so.
    public static func button(_ text: String, isDangerous: Bool = false) -> HTML {
        HTML("button", ["class": isDangerous ? "danger" : nil], [.text(text)])
    }

    /// A box that has to be ticked, so that nothing is done by one slip.
    public static func consent(_ text: String) -> HTML {
        HTML(
            "label", ["class": "consent"],
            [
                HTML("input", ["type": "checkbox", "name": "sure", "value": "yes", "required": ""]),
                HTML("span", [:], [.text(text)]),
            ])
    }
}
