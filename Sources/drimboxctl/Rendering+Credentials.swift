// SPDX-License-Identifier: Apache-2.0
import Admin

extension Rendering {
    func credentials(_ files: [CredentialFile]) -> String {
        if files.isEmpty { return messages.noCredentials }
        return files.map { file in
            let facts = [
                file.keyFingerprint.map { messages.keyPrint(clean($0)) }, file.subject.map(clean),
                file.notAfter.map { messages.validTo("\($0)") },
            ].compactMap { $0 }
            let uses = file.usedBy.isEmpty ? [messages.unused] : file.usedBy.map(clean)
            return
                ([row(clean(file.name), "\(messages.credential(file.kind))   \(file.bytes) B")]
                + (facts + uses).map { row("", $0) }).joined(separator: "\n")
        }.joined(separator: "\n")
    }

    func media(_ list: MediumList) -> String {
        if list.media.isEmpty { return messages.noStick }
        return list.media.flatMap { medium in
            [clean(medium.name)]
                + medium.files.map { "  drimbox/\(clean($0.path))   \(messages.medium($0.purpose))" }
        }.joined(separator: "\n")
    }

    func medium(_ report: MediumReport) -> String {
        report.items.map { item in
            "\(item.isTaken ? messages.taken : messages.refused)  \(clean(item.path))   \(clean(item.detail))"
        }.joined(separator: "\n")
    }
}
