// SPDX-License-Identifier: Apache-2.0
import Admin

/// What is to be published, for a person.
extension Rendering {
    func queue(_ queue: PublicationQueue) -> String {
        let counts = queue.counts.sorted { $0.key < $1.key }
            .map { "\($0.value) \(messages.publication($0.key))" }.joined(separator: ", ")
        var blocks = [counts.isEmpty ? messages.nothingPublished : counts]
        if !queue.items.isEmpty {
            let rows = queue.items.map { item in
                [
                    "\(item.number)", messages.publication(item.held ? "held" : item.state), age(item.since),
                    "\(item.attempts)", clean(item.studyInstanceUID), clean(item.reason ?? "-"),
                ]
            }
            blocks.append(table([messages.queueColumns] + rows))
        }
        if !queue.refused.isEmpty {
            let rows = queue.refused.prefix(20).map {
                [
                    $0.code, age($0.received), String(clean($0.digest).prefix(12)), clean($0.controlID),
                    clean($0.reason ?? "-"),
                ]
            }
            blocks.append(table([messages.refusedColumns] + rows))
        }
        return blocks.joined(separator: "\n")
    }

    func queue(_ item: PublicationQueue.Item) -> String {
        var lines = [
            "\(item.number)  \(messages.publication(item.held ? "held" : item.state))  \(age(item.since))",
            clean(item.studyInstanceUID),
        ]
        if let manifest = item.manifest { lines.append("KOS \(clean(manifest))") }
        if let reason = item.reason { lines.append(clean(reason)) }
        return lines.joined(separator: "\n")
    }
}

extension Messages {
    var nothingPublished: String { pick("no exam yet", "aucun examen") }

    var queueColumns: [String] {
        [
            "NO", pick("STATE", "ÉTAT"), pick("AGE", "ÂGE"), pick("TRIES", "ESSAIS"), "STUDY",
            pick("REASON", "MOTIF"),
        ]
    }

    var refusedColumns: [String] {
        [
            pick("REFUSED", "REFUSÉ"), pick("AGE", "ÂGE"), "MESSAGE", "MSH-10", pick("REASON", "MOTIF"),
        ]
    }

    func publication(_ state: String) -> String {
        switch state {
        case "waiting": pick("waiting", "en attente")
        case "awaiting-images": pick("awaiting images", "attend les images")
        case "published": pick("published", "publié")
        case "withdrawn": pick("withdrawn", "dépublié")
        case "undestined": pick("not for the record", "hors DMP")
        case "failed": pick("failed", "en échec")
        case "dropped": pick("dropped", "abandonné")
        case "held": pick("held", "retenu")
        default: state
        }
    }
}
