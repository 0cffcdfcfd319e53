// SPDX-License-Identifier: Apache-2.0

/// A person's name as DICOM (PN, PS3.5 6.2.1) and FHIR (HumanName) write it.
enum FHIRHumanName {
    /// Family name, given names, prefix and suffix where they say all; else the whole text.
    static func name(_ text: String, use: String? = nil) -> FHIRValue {
        var text = text
        while text.last == "^" { text.removeLast() }
        let use = FHIRValue.text(use)
        let parts = text.split(separator: "^", omittingEmptySubsequences: false).map(String.init)
        let (family, given) = (parts.first ?? "", Array(parts.dropFirst().prefix(2)))
        // A middle name alone cannot be told from a given name.
        let hasOnlyMiddle = given.count == 2 && given[0].isEmpty && !given[1].isEmpty
        let isPlain = parts.count <= 5 && !text.contains("=") && !hasOnlyMiddle
        guard isPlain else { return ["use": use, "text": .string(text)] }
        return [
            "use": use,
            "family": .text(family),
            "given": .array(given.compactMap(FHIRValue.text)),
            "prefix": .array(parts.dropFirst(3).prefix(1).compactMap(FHIRValue.text)),
            "suffix": .array(parts.dropFirst(4).compactMap(FHIRValue.text)),
        ]
    }

    static func text(_ name: FHIRElement) throws(FHIRError) -> String {
        func texts(_ member: String) throws(FHIRError) -> [String] {
            var texts: [String] = []
            for element in try name.list(member) where element.value != .null {
                texts.append(try element.string())
            }
            return texts
        }
        let given = try texts("given")
        var parts = [
            try name.string("family") ?? "", given.first ?? "", given.dropFirst().joined(separator: " "),
            try texts("prefix").joined(separator: " "), try texts("suffix").joined(separator: " "),
        ]
        while parts.last == "" { parts.removeLast() }
        return parts.isEmpty ? try name.string("text") ?? "" : parts.joined(separator: "^")
    }
}
