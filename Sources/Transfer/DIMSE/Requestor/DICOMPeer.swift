// SPDX-License-Identifier: Apache-2.0
package import DICOM

/// An application entity that we call.
package struct DICOMPeer: Sendable {
    package let aeTitle: AETitle
    package let host: String
    package let port: Int
    /// Associations at a time, all purposes together.
    package var maximumAssociations = 4
    /// Operations that we would have outstanding on one association.
    package var maximumOperationsInvoked = 8
    package var bandwidth: BandwidthLimit?
    package var timeouts = RequestorTimeouts()
    /// Plain text where it is nil.
    package var tls: TLSClient?

    package init(aeTitle: AETitle, host: String, port: Int) {
        self.aeTitle = aeTitle
        self.host = host
        self.port = port
    }
}

/// What a transfer is for: those on top go first (PS3.7 knows three priorities, most archives none).
package enum TransferPriority: Int, Comparable, Sendable, CaseIterable {
    case prefetch
    case export
    /// Somebody is looking at an empty screen.
    case viewer

    package static func < (left: TransferPriority, right: TransferPriority) -> Bool {
        left.rawValue < right.rawValue
    }

    var dimse: DIMSEPriority {
        switch self {
        case .prefetch: .low
        case .export: .medium
        case .viewer: .high
        }
    }
}
