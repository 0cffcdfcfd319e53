// SPDX-License-Identifier: Apache-2.0

/// What the instances are wanted for decides which transfer syntaxes are best: the profiles of the CI-SIS.
package enum RetrievePurpose: String, Sendable, CaseIterable {
    /// Into an archive: without loss, JPEG Lossless first.
    case export
    /// For the screen: what is smallest.
    case view

    /// Transfer syntaxes and their quality in tenths.
    private var qualities: [(syntax: String, tenths: Int)] {
        switch self {
        case .export:
            [
                ("1.2.840.10008.1.2.4.70", 9), ("1.2.840.10008.1.2.4.80", 8), ("1.2.840.10008.1.2.4.90", 7),
                ("1.2.840.10008.1.2.4.91", 6), ("1.2.840.10008.1.2.4.50", 5), ("1.2.840.10008.1.2.4.51", 5),
                ("1.2.840.10008.1.2.4.100", 5), ("1.2.840.10008.1.2.4.101", 5),
                ("1.2.840.10008.1.2.4.102", 5),
                ("1.2.840.10008.1.2.4.103", 5), ("1.2.840.10008.1.2.1", 4),
            ]
        case .view:
            [
                ("1.2.840.10008.1.2.4.50", 9), ("1.2.840.10008.1.2.4.51", 9), ("1.2.840.10008.1.2.4.70", 6),
                ("1.2.840.10008.1.2.4.80", 5), ("1.2.840.10008.1.2.4.91", 5), ("1.2.840.10008.1.2.4.100", 5),
                ("1.2.840.10008.1.2.4.101", 5), ("1.2.840.10008.1.2.4.102", 5),
                ("1.2.840.10008.1.2.4.103", 5),
                ("1.2.840.10008.1.2.1", 4),
            ]
        }
    }

    /// Values of the Accept header, one media range each.
    package var accept: [String] {
        qualities.map { entry in
            "multipart/related; type=\"application/dicom\"; transfer-syntax=\(entry.syntax); q=0.\(entry.tenths)"
        }
    }
}
