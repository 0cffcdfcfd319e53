// SPDX-License-Identifier: Apache-2.0
import Admin

extension Wizard {
    /// Takes what was typed for `step`; returns what is wrong with it.
    mutating func accept(_ typed: String, for step: WizardStep, _ text: ConsoleText) -> String? {
        guard let line = typed.isEmpty ? standard(step, text)?.value : typed else { return text.answerNeeded }
        var next = self
        if let error = next.read(line, for: step, text) { return error }
        // Its own rules are not the configuration's.
        switch step {
        case .administrator, .password, .passwordAgain, .review, .dmz: break
        default:
            let document = next.document
            let finding = document.findings.first { finding in
                guard let place = document.step(at: finding.path) else { return false }
                return place == step || Self.isWithin(place, step)
            }
            if let finding { return text.finding(finding, step) }
        }
        self = next
        return nil
    }

    /// The gateway is entered together with the address.
    private static func isWithin(_ place: WizardStep, _ step: WizardStep) -> Bool {
        if case .address(let zone) = step { place == .gateway(zone) } else { false }
    }

    private mutating func read(_ line: String, for step: WizardStep, _ text: ConsoleText) -> String? {
        switch step {
        case .site: answers.site = line
        case .interface(let zone): return readInterface(line, zone, text)
        case .address(let zone): return readAddress(line, zone, text)
        case .gateway(let zone):
            guard let gateway = Self.gateway(line, text) else { return text.wrong(line, text.expected(step)) }
            answers[zone].gateway = gateway
        case .dmz:
            guard let flag = Self.flag(line, text) else { return text.wrong(line, text.expected(step)) }
            answers.hasDMZ = flag
        case .plaintext:
            guard let flag = Self.flag(line, text) else { return text.wrong(line, text.expected(step)) }
            answers.allowsPlaintext = flag
        case .dns:
            let words = Self.words(line, text)
            if let wrong = words.first(where: { IPAddress($0) == nil }) {
                return text.wrong(wrong, text.expected(step))
            }
            answers.nameServers = words
        case .ntp: answers.timeServers = Self.words(line, text)
        case .pacs: return readArchive(line, text)
        case .administrator:
            guard ConsoleDialogue.isUserName(line), line.first?.isLetter == true else {
                return text.wrong(line, text.expected(step))
            }
            answers.administrator = line
        case .password:
            // Never in a message.
            guard line.count >= ConsoleUserRequest.shortestPassword else { return text.passwordTooShort }
            answers.password = line
        case .passwordAgain:
            guard line == answers.password else { return text.passwordsDiffer }
        case .review: break
        }
        return nil
    }

    private static func flag(_ line: String, _ text: ConsoleText) -> Bool? {
        if text.isYes(line) || ["y", "o"].contains(line.lowercased()) { return true }
        return text.isNo(line) ? false : nil
    }

    /// Divided by spaces or commas.
    private static func words(_ line: String, _ text: ConsoleText) -> [String] {
        text.isNone(line) ? [] : line.split { $0 == " " || $0 == "," }.map(String.init)
    }

    /// Empty for none, nil for what is no address.
    private static func gateway(_ word: String, _ text: ConsoleText) -> String? {
        if text.isNone(word) { return "" }
        return IPAddress(word) == nil ? nil : word
    }

    private mutating func readInterface(
        _ line: String,
        _ zone: NetworkConfiguration.Zone,
        _ text: ConsoleText
    ) -> String? {
        let names = interfaceNames
        var name = line
        if let number = Int(line), (1...max(1, names.count)).contains(number), !names.isEmpty {
            name = names[number - 1]
        }
        let others = zone == .dmz ? names.filter { $0 != answers.care.interface } : names
        guard others.contains(name) else { return text.wrong(line, text.oneOf(others)) }
        answers[zone].interface = name
        // The other zone loses what this one takes.
        if zone == .care, answers.dmz.interface == name { answers.dmz = WizardAnswers.ZoneAnswers() }
        plugged = nil
        return nil
    }

    /// `dhcp`, an address, or an address and a gateway.
    private mutating func readAddress(
        _ line: String,
        _ zone: NetworkConfiguration.Zone,
        _ text: ConsoleText
    ) -> String? {
        let words = line.split { $0 == " " || $0 == "," }.map(String.init)
        if words.count == 1, words[0].lowercased() == "dhcp" {
            answers[zone].method = .dhcp
            answers[zone].gateway = ""
            return nil
        }
        guard let first = words.first, words.count <= 2, let prefix = IPPrefix(first) else {
            return text.wrong(line, text.expected(.address(zone)))
        }
        var gateway: String?
        if words.count == 2 {
            guard let word = Self.gateway(words[1], text) else {
                return text.wrong(words[1], text.expected(.gateway(zone)))
            }
            gateway = word
        }
        answers[zone].method = .fixed(prefix)
        answers[zone].gateway = gateway
        return nil
    }

    /// `PACS1 10.10.0.40 104`; the title may have spaces, the port may be left out.
    private mutating func readArchive(_ line: String, _ text: ConsoleText) -> String? {
        if text.isNone(line) {
            answers.archive = .some(nil)
            return nil
        }
        var words = line.split { $0 == " " || $0 == "," }.map(String.init)
        var port = 104
        if words.count > 2, let last = words.last, last.allSatisfy(\.isNumber) {
            guard let number = Int(last), (1...65535).contains(number) else {
                return text.wrong(last, text.expected(.pacs))
            }
            port = number
            words.removeLast()
        }
        guard words.count >= 2, let host = words.popLast() else {
            return text.wrong(line, text.expected(.pacs))
        }
        answers.archive = WizardAnswers.Archive(aeTitle: words.joined(separator: " "), host: host, port: port)
        return nil
    }
}
