// SPDX-License-Identifier: Apache-2.0
import Identity

/// Where a reader says who they are. Each has a provider of its own, and an address of its own that it sends browsers back to,
/// so that an answer of one is never taken for the other's (RFC 9207, 1).
package enum SignInDesk: String, Sendable, CaseIterable {
    case professionals
    case patients

    /// `/viewer/sign-in/{desk}?…`, with the link's own query.
    static let step = "sign-in"

    var path: String { "/viewer/\(Self.step)/\(rawValue)" }

    var returnStep: String {
        switch self {
        case .professionals: "signed-in"
        case .patients: "patient-signed-in"
        }
    }

    /// Where the identity provider sends browsers back to.
    package var returnPath: String { "/viewer/\(returnStep)" }
}

extension Reader {
    var desk: SignInDesk { role == .doctor ? .professionals : .patients }
}

extension ViewerService.LinkDoor {
    func party(at desk: SignInDesk) -> RelyingParty? {
        switch desk {
        case .professionals: professionals
        case .patients: patients?.party
        }
    }
}
