// SPDX-License-Identifier: Apache-2.0

/// INDEX.HTM and README.TXT of an XDM archive, for people; in UTF-8 with CRLF.
package struct XDMText: Equatable, Sendable {
    /// Whose manifests they are.
    package var organization: String
    package var organizationIdentifier: String
    package var application: String
    package var version: String

    package init(organization: String, organizationIdentifier: String, application: String, version: String) {
        self.organization = organization
        self.organizationIdentifier = organizationIdentifier
        self.application = application
        self.version = version
    }

    package var index: [UInt8] {
        let sender = Self.escaped("\(organization) (\(organizationIdentifier))")
        return Self.text([
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>",
            "<!DOCTYPE html PUBLIC \"-//W3C//DTD XHTML 1.0 Strict//EN\" "
                + "\"http://www.w3.org/TR/xhtml1/DTD/xhtml1-strict.dtd\">",
            "<html xmlns=\"http://www.w3.org/1999/xhtml\" xml:lang=\"fr\" lang=\"fr\">",
            "<head><title>\(sender)</title></head>", "<body>", "<p>Emetteur : \(sender)</p>",
            "<p>Voir le fichier <a href=\"\(XDMVolume.readme)\">ReadMe</a></p>", "</body>", "</html>",
        ])
    }

    /// `directories` are the submissions', in order.
    package func readme(_ directories: [String]) -> [UInt8] {
        let files = [XDMVolume.metadata, XDMVolume.report, XDMVolume.signature, XDMVolume.manifest]
        return Self.text(
            [
                "Emetteur :", "==========",
                "    . Organisme : \(organization) (\(organizationIdentifier))", "",
                "Application de l'emetteur :", "===========================",
                "    . Nom : \(application)", "    . Version : \(version)", "    . Editeur : \(application)",
                "",
                "Instructions :", "==============",
                "    . Archive locale de manifestes d'imagerie : a importer dans une DRIMbox.", "",
                "Arborescence :", "==============", "    \(XDMVolume.readme)", "    \(XDMVolume.index)",
                "    \(XDMVolume.root)",
            ]
                + directories.flatMap { name in ["        \(name)"] + files.map { "            \($0)" } }
        )
    }

    /// A line end within a value would begin another line.
    private static func text(_ lines: [String]) -> [UInt8] {
        lines.flatMap { line in
            line.utf8.map { $0 == 0x0D || $0 == 0x0A ? 0x20 : $0 } + [0x0D, 0x0A]
        }
    }

    private static func escaped(_ text: String) -> String {
        text.reduce(into: "") { result, character in
            switch character {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            default: result.append(character)
            }
        }
    }
}
