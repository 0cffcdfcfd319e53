// SPDX-License-Identifier: Apache-2.0
import DICOM
import Foundation
import Testing

@testable import Transfer

/// The statement's tables against what the code negotiates.
@Suite("docs/conformance-statement.md says what the code does") struct ConformanceStatementTests {
    private let text: String

    init() throws {
        let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "docs/conformance-statement.md")
        text = try String(contentsOf: file, encoding: .utf8)
    }

    /// The rows of the table below `title`, without its head.
    private func rows(_ title: String) throws -> [[String]] {
        let start = try #require(text.range(of: title))
        var rows: [[String]] = []
        for line in text[start.upperBound...].split(separator: "\n", omittingEmptySubsequences: false) {
            if line.hasPrefix("#") { break }
            guard line.hasPrefix("|") else {
                guard rows.isEmpty else { break }
                continue
            }
            rows.append(
                line.dropFirst().dropLast().split(separator: "|", omittingEmptySubsequences: false)
                    .map { $0.trimmingCharacters(in: .whitespaces) }
            )
        }
        return Array(rows.dropFirst(2))
    }

    private func answer(_ abstractSyntax: UID, _ syntaxes: [UID], asSCP: Bool = false) throws
        -> (result: PresentationContextResult, roles: [RoleSelection])
    {
        var information = UserInformation(maximumLength: 16384)
        if asSCP {
            information.roleSelections = [
                RoleSelection(sopClassUID: abstractSyntax, scuRole: false, scpRole: true)
            ]
        }
        let request = AssociateRQ(
            calledAETitle: AETitle(literal: "DRIMBOX"),
            callingAETitle: AETitle(literal: "PACS"),
            presentationContexts: [
                PresentationContext(id: 1, abstractSyntax: abstractSyntax, transferSyntaxes: syntaxes)
            ],
            userInformation: information
        )
        let policy = AcceptorPolicy(calledAETitle: AETitle(literal: "DRIMBOX"), acceptUnknownPeers: true)
        guard case .accept(let accept, _) = AssociationNegotiation.answer(request, policy) else {
            throw CancellationError()
        }
        return (try #require(accept.presentationContexts.first), accept.userInformation.roleSelections)
    }

    private let native = [TransferSyntax.explicitVRLittleEndian, TransferSyntax.implicitVRLittleEndian]

    @Test("network services: what is provided is accepted, what is not is refused") func services() throws {
        let rows = try rows("Table 1-1")
        #expect(rows.count == 7)
        let requested: Set<UID> = [
            SOPClass.verification, SOPClass.studyRootFind, SOPClass.studyRootMove, SOPClass.studyRootGet,
            SOPClass.storageCommitmentPushModel,
        ]
        for row in rows {
            let uid = try #require(UID(row[1]))
            #expect((row[2] == "Yes") == requested.contains(uid), "\(row)")
            let (result, roles) = try answer(uid, native, asSCP: true)
            let isReport = uid == SOPClass.storageCommitmentPushModel
            // Of commitment we are user only: the peer may report, as SCP.
            #expect((result.result == .acceptance) == (row[3] == "Yes" || isReport), "\(row)")
            if isReport {
                #expect(roles.map(\.scpRole) == [true])
            } else {
                #expect(roles.allSatisfy { !$0.scpRole })
            }
        }
    }

    @Test("every storage class and transfer syntax of the tables is accepted, and proposed as User")
    func storage() throws {
        let classes = try rows("Table 1-2").map { try #require(UID($0[1])) }
        let syntaxes = try rows("Table 1-3").map { try #require(UID($0[1])) }
        #expect(classes.count > 25 && syntaxes.count == 15)
        for uid in classes {
            #expect(SOPClass.isStorage(uid))
            for syntax in syntaxes {
                let result = try answer(uid, [syntax]).result
                #expect(result.result == .acceptance && result.transferSyntax == syntax, "\(uid) \(syntax)")
            }
        }
        #expect(
            try answer(try #require(classes.first), [native[1], native[0]]).result.transferSyntax == native[0]
        )
    }

    @Test("policies are the code's") func policies() throws {
        let values = Dictionary(uniqueKeysWithValues: try rows("Table 3-1").map { ($0[0], $0[1]) })
        let policy = AcceptorPolicy(calledAETitle: AETitle(literal: "DRIMBOX"))
        let listener = StorageListenerConfiguration(policy: policy, maximumAssociations: 64)
        let peer = DICOMPeer(aeTitle: AETitle(literal: "PACS"), host: "127.0.0.1", port: 104)
        let found = [
            "Application context name": UID.dicomApplicationContextName.string,
            "Implementation class UID": Implementation.classUID.string,
            "Implementation version name": Implementation.versionName,
            "Maximum PDU length offered (default)": "\(policy.maximumPDULength)",
            "Associations accepted at a time (default)": "\(listener.maximumAssociations)",
            "Operations a peer may have outstanding": "\(policy.maximumOperationsPerformed)",
            "Associations to one peer at a time (default)": "\(peer.maximumAssociations)",
            "Operations outstanding with a peer, where it agrees": "\(peer.maximumOperationsInvoked)",
            "Presentation contexts per association": "\(AssociationProposal.maximumContexts)",
            "ARTIM time-out, seconds (default)": "\(listener.artimSeconds)",
            "Idle time-out of an accepted association, seconds (default)": "\(listener.idleSeconds)",
            "Connect time-out, seconds": "\(peer.timeouts.connectSeconds)",
            "Time-out for a response while nothing arrives, seconds": "\(peer.timeouts.responseSeconds)",
        ]
        #expect(values == found)
    }

    @Test("rejections and statuses are the code's") func refusals() throws {
        let rejections = try rows("Table 3-2").map { Array($0.prefix(3)) }
        let pdus: [AssociateRJ] = [
            .applicationContextNameNotSupported, .callingAETitleNotRecognized, .calledAETitleNotRecognized,
            .protocolVersionNotSupported, .localLimitExceeded,
        ]
        #expect(
            rejections == pdus.map { ["\($0.result.rawValue)", "\($0.source.rawValue)", "\($0.reason)"] }
        )
        let statuses: [DIMSEStatus] = [
            .success, .processingFailure, .sopClassNotSupported, .mistypedArgument, .refusedOutOfResources,
            .dataSetDoesNotMatchSOPClass, .cannotUnderstand,
        ]
        #expect(try rows("Table 3-3").map { $0[0] } == statuses.map(\.description))
    }
}
