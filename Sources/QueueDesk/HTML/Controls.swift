extension HTML {
    /// A control with its label, and with what is wrong about it, if something is.
    public static func field(_ label: String, _ control: HTML, error: String? = nil) -> HTML {
        let wrong = error.map { HTML("span", ["class": "wrong", "role": "alert"], [.text($0)]) }
        return HTML("label", [:], [HTML("span", [:], [.text(label)]), control] + [wrong].compactMap(\.self))
    }

    /// A field of one line.
    public static func input(_ name: String, _ value: String?, type: String = "text") -> HTML {
        HTML(
            "input",
            [
                "name": name, "type": type, "value": value.flatMap { $0.isEmpty ? nil : $0 },
                "step": type == "number" ? "any" : nil, "autocomplete": "off",
            ])
    }

    /// A field of several lines.
    public static func area(_ name: String, _ value: String, rows: Int) -> HTML {
        HTML(
            "textarea", ["name": name, "rows": "\(rows)", "spellcheck": "false", "autocomplete": "off"], [.text(value)])
    }

    /// What a form brings along unseen.
    public static func hidden(_ name: String, _ value: String) -> HTML {
        HTML("input", ["type": "hidden", "name": name, "value": value])
    }

    /// One of several. `none` is what is read where nothing is chosen; nil leaves that out.
    public static func select(_ name: String, _ options: [String], chosen: String?, none: String?) -> HTML {
        // A value of a blank: an empty one would stand for the text.
        let nothing = none.map { [HTML("option", ["value": " "], [.text($0)])] } ?? []
        return HTML(
            "select", ["name": name],
            nothing + options.map { HTML("option", ["value": $0, "selected": $0 == chosen ? "" : nil], [.text($0)]) })
    }

    /// One of several; to be typed where it isn't known which there are.
    static func choice(_ name: String, _ options: [String]?, chosen: String?, none: String?) -> HTML {
        options.map { select(name, $0, chosen: chosen, none: none) } ?? input(name, chosen)
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
