// SPDX-License-Identifier: Apache-2.0
import Admin
import HostNetwork
import Store

// The way back to the confirmed revision: after a trial, after a crash, and again where it did not succeed.
extension ConfigurationTransactions {
    /// Brings the confirmed revision in force, whatever was tried when the supervisor ended.
    package func restore() async {
        let interrupted = (try? table.interruptedTrial()) ?? nil
        await enqueue { transactions in
            do {
                try await transactions.bringBack(from: interrupted == nil ? nil : .unknown)
            } catch {
                await transactions.noteUnsettled("\(error)")
            }
        }
        guard let interrupted else { return }
        try? table.endTrial(interrupted.transaction)
        let reason = "the supervisor ended before the change was confirmed"
        journal.record(
            "config.rolled-back",
            .warning,
            "change not confirmed: undone",
            ["tx": interrupted.transaction, "revision": "\(revision.number)", "reason": reason]
        )
    }

    /// What may be in force beside the confirmed revision.
    enum Remains: Sendable {
        case box(BoxConfiguration)
        /// A trial of a process that has ended.
        case unknown
    }

    /// Puts the confirmed revision in force, and returns when the kernel has it. The network and the gateway are
    /// brought back each for itself: one that fails does not keep the other.
    func bringBack(from remains: Remains?) async throws {
        var failure: (any Error)?
        bringBackUpdates()
        if case .box(let tried) = remains,
            configuration.gateway(for: tried) != configuration.gateway(for: box)
        {
            do { try await bringBackNetwork(from: remains) } catch { failure = error }
            try await bringBackGateway()
        } else {
            try await bringBackNetwork(from: remains)
        }
        if let failure { throw failure }
    }

    /// A disk that takes no file keeps neither the network nor the gateway.
    private func bringBackUpdates() {
        do {
            try surroundings.applyUpdates(box.updates)
        } catch {
            journal.record(
                "config.updates",
                .critical,
                "drimbox-update is not told what the site says",
                ["reason": "\(error)"]
            )
        }
    }

    private func bringBackGateway() async throws {
        isGatewayOwed = true
        try await surroundings.applyGateway(configuration.gateway(for: box))
        isGatewayOwed = false
    }

    private func bringBackNetwork(from remains: Remains?) async throws {
        var hadNetwork = box.network != nil
        if case .box(let tried) = remains, tried.network != nil { hadNetwork = true }
        // Where nothing of ours was ever written, nothing is found to be taken away.
        guard hadNetwork || remains != nil else { return }
        // Forced: a first attempt may have written the files and not reached networkd.
        try await networkd.apply(NetworkRendering(box), isForced: hadNetwork)
        guard let network = box.network else { return }
        if let wrong = try await networkd.settle(network).first(where: { !$0.isPending }) {
            throw Unsettled(finding: wrong)
        }
    }

    private struct Unsettled: Error, CustomStringConvertible {
        let finding: Networkd.Finding

        var description: String {
            "\(finding.interface): found \(finding.found), expected \(finding.expected)"
        }
    }

    /// The confirmed revision is not in force: again and again until it is, or somebody changes it.
    func noteUnsettled(_ reason: String) async {
        journal.record(
            "config.restore",
            .critical,
            "the confirmed network is not in force yet",
            ["reason": reason, "revision": "\(revision.number)"]
        )
        guard !isMending else { return }
        isMending = true
        Task {
            while isMending {
                try? await Task.sleep(for: Self.mendPause)
                guard pending == nil else { continue }
                await enqueue { await $0.mend() }
            }
        }
    }

    private func mend() async {
        guard pending == nil else { return }
        do {
            try await bringBackNetwork(from: .unknown)
            if isGatewayOwed { try await bringBackGateway() }
            isMending = false
            journal.record(
                "config.restored",
                .info,
                "the confirmed network is in force",
                ["revision": "\(revision.number)"]
            )
        } catch {
            // The journal has said so once.
        }
    }
}
