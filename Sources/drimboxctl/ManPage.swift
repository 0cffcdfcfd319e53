// SPDX-License-Identifier: Apache-2.0
import Admin
import ArgumentParser

/// The manual page, from the table of commands that the parser works with (man(7) macros).
struct ManPage {
    private let root: JSONValue
    /// Options that every command has: told once.
    private let common: [String]

    init() throws(ConfigurationError) {
        let dump = try JSONValue(parsing: Array(Command._dumpHelp().utf8))
        root = dump[path: "command"] ?? .null
        common = Self.list(root, "arguments").map(Self.key)
    }

    var text: String {
        var lines = [
            #".\" SPDX-License-Identifier: Apache-2.0"#,
            #".\" Made from the table of commands: drimboxctl man-page"#,
            ".TH DRIMBOXCTL 1",
            ".SH NAME",
            "drimboxctl \\- administers a DRIMbox",
            ".SH SYNOPSIS",
            ".B drimboxctl",
            "[\\fIoptions\\fR] \\fIcommand\\fR [\\fIarguments\\fR]",
            ".SH DESCRIPTION",
            Self.escaped(Self.string(root, "abstract")),
            ".SH OPTIONS",
            "They stand before the command or after it.",
        ]
        lines += Self.list(root, "arguments").filter(Self.isShown).flatMap(entry)
        lines.append(".SH COMMANDS")
        for command in Self.list(root, "subcommands") { lines += section(command, "") }
        lines += [".SH EXIT STATUS", Self.escaped(Self.string(root, "discussion")), ""]
        return lines.joined(separator: "\n")
    }

    private func section(_ command: JSONValue, _ parent: String) -> [String] {
        guard Self.isShown(command), Self.string(command, "commandName") != "help" else { return [] }
        let name = parent + Self.string(command, "commandName")
        let children = Self.list(command, "subcommands")
        guard children.isEmpty else {
            var lines = [".SS " + Self.escaped(name), Self.escaped(Self.string(command, "abstract"))]
            for child in children { lines += section(child, name + " ") }
            return lines
        }
        let own = Self.list(command, "arguments").filter {
            Self.isShown($0) && !common.contains(Self.key($0)) && Self.key($0) != "help"
        }
        let synopsis = own.map { argument in
            let word =
                Self.isPositional(argument)
                ? "\\fI\(Self.escaped(Self.string(argument, "valueName")))\\fR" : Self.option(argument)
            let more = argument[path: "isRepeating"] == .bool(true) ? "..." : ""
            return argument[path: "isOptional"] == .bool(true) ? "[\(word)\(more)]" : word + more
        }
        var lines = [".TP", ".B " + Self.escaped(name)]
        if !synopsis.isEmpty { lines += [synopsis.joined(separator: " "), ".br"] }
        lines.append(Self.escaped(Self.string(command, "abstract")))
        if !own.isEmpty {
            lines.append(".RS")
            for argument in own { lines += entry(argument) }
            lines.append(".RE")
        }
        return lines
    }

    private func entry(_ argument: JSONValue) -> [String] {
        let head =
            Self.isPositional(argument)
            ? "\\fI\(Self.escaped(Self.string(argument, "valueName")))\\fR" : Self.option(argument)
        var text = Self.string(argument, "abstract")
        if case .string(let standard)? = argument[path: "defaultValue"] { text += " Default: \(standard)." }
        return [".TP", head, Self.escaped(text)]
    }

    // MARK: The parser's own description

    private static func list(_ value: JSONValue, _ name: String) -> [JSONValue] {
        if case .array(let elements)? = value[path: name] { elements } else { [] }
    }

    private static func string(_ value: JSONValue, _ name: String) -> String {
        if case .string(let text)? = value[path: name] { text } else { "" }
    }

    private static func isShown(_ value: JSONValue) -> Bool { value[path: "shouldDisplay"] != .bool(false) }

    private static func isPositional(_ argument: JSONValue) -> Bool {
        string(argument, "kind") == "positional"
    }

    private static func key(_ argument: JSONValue) -> String {
        let name = string(argument, "valueName")
        return isPositional(argument) ? "<\(name)>" : string(argument[path: "preferredName"] ?? .null, "name")
    }

    private static func option(_ argument: JSONValue) -> String {
        let names = list(argument, "names").map { name in
            let word = string(name, "name")
            return "\\fB\(escaped(string(name, "kind") == "short" ? "-\(word)" : "--\(word)"))\\fR"
        }
        let value =
            string(argument, "kind") == "option"
            ? " \\fI\(escaped(string(argument, "valueName")))\\fR" : ""
        return names.joined(separator: ", ") + value
    }

    /// Hyphens are hyphens, and no line is taken for a request.
    private static func escaped(_ text: String) -> String {
        let plain = text.replacing("\\", with: "\\e").replacing("-", with: "\\-")
        return plain.hasPrefix(".") || plain.hasPrefix("'") ? "\\&" + plain : plain
    }
}

struct ManPageCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "man-page",
        abstract: "Prints the manual page.",
        shouldDisplay: false
    )

    func run() throws {
        print(try ManPage().text, terminator: "")
    }
}
