// SPDX-License-Identifier: Apache-2.0
package import DICOM

/// What happened on the wire, for the log and the event stream. No patient identity: UIDs, AE titles, addresses.
package enum TransferEvent: Sendable {
    case associationAccepted(
        id: Int,
        calling: AETitle,
        peer: String,
        contexts: Int,
        implementation: String,
        certificate: PeerCertificate?
    )
    case associationRejected(peer: String, calling: String, reason: String)
    case associationReleased(id: Int, calling: AETitle, instances: Int, bytes: Int64)
    /// The association ended without a release; `unfinished` tells whether an instance was cut.
    case associationAborted(id: Int, peer: String, reason: String, instances: Int, unfinished: Bool)
    case instanceRefused(id: Int, status: UInt16, sopInstanceUID: String, reason: String)
    case writeFailed(id: Int, reason: String)
    /// An archive did not do what it was asked for.
    case archiveFailed(archive: String, operation: String, reason: String)
    /// An archive did not send all that it lists.
    case archiveIncomplete(archive: String, missing: Int)
    /// No connection is taken any more.
    case acceptFailed(reason: String)
    /// `section` is the configuration's: "dicom", "web".
    case tlsHandshakeFailed(section: String, peer: String, reason: String)
    /// A certificate was accepted although nothing could be found out about its revocation.
    case tlsRevocationUnknown(section: String, fingerprint: String, reason: String)
    case tlsReloaded(section: String)
    /// The former files stay in use.
    case tlsReloadFailed(section: String, reason: String)
    /// In how many days a certificate of ours ends.
    case tlsCertificateExpires(section: String, subject: String, days: Int)
}

/// Counts since the start of the process.
package struct TransferCounts: Sendable, Equatable {
    package var associationsOpen = 0
    package var associationsAccepted = 0
    package var associationsRejected = 0
    package var associationsAborted = 0
    /// Ours to peers.
    package var associationsRequested = 0
    /// By C-STORE to peers.
    package var instancesSent = 0
    package var bytesSent: Int64 = 0
    /// Refused, or given up.
    package var instancesNotSent = 0
    package var instancesReceived = 0
    /// Data set bytes of acknowledged instances.
    package var bytesReceived: Int64 = 0
    /// When the newest of them was acknowledged, in milliseconds since 1970; 0 before the first.
    package var lastInstance: Int64 = 0
    /// C-STORE responses that were not a success, by status in hexadecimal ("A700").
    package var refusals: [String: Int] = [:]
    package var requests = 0
    package var instancesRetrieved = 0
    /// Bytes of DICOMweb response bodies that were handed to the kernel whole.
    package var bytesRetrieved: Int64 = 0
    /// HTTP responses of 400 and above, by status.
    package var errors: [String: Int] = [:]
}
