// SPDX-License-Identifier: Apache-2.0

/// How a data set is written (PS3.5 10, PS3.6 A): what must be known to read its header. Every other transfer
/// syntax, private ones too, is Explicit VR Little Endian with encapsulated pixel data (PS3.5 A.4).
package enum TransferSyntax {
    package static let implicitVRLittleEndian = UID(literal: "1.2.840.10008.1.2")
    package static let explicitVRLittleEndian = UID(literal: "1.2.840.10008.1.2.1")
    package static let deflatedExplicitVRLittleEndian = UID(literal: "1.2.840.10008.1.2.1.99")
    package static let explicitVRBigEndian = UID(literal: "1.2.840.10008.1.2.2")
    /// GE private: Implicit VR Little Endian with pixel data in big endian.
    package static let implicitVRLittleEndianGE = UID(literal: "1.2.840.113619.5.2")
}
