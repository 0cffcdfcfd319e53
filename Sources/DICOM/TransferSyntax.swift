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

    package static let jpegBaseline8Bit = UID(literal: "1.2.840.10008.1.2.4.50")
    package static let jpegExtended12Bit = UID(literal: "1.2.840.10008.1.2.4.51")
    package static let jpegLossless = UID(literal: "1.2.840.10008.1.2.4.57")
    /// With first-order prediction.
    package static let jpegLosslessSV1 = UID(literal: "1.2.840.10008.1.2.4.70")
    package static let jpegLSLossless = UID(literal: "1.2.840.10008.1.2.4.80")
    package static let jpegLSNearLossless = UID(literal: "1.2.840.10008.1.2.4.81")
    package static let jpeg2000Lossless = UID(literal: "1.2.840.10008.1.2.4.90")
    /// With or without loss: only its pixel data tells.
    package static let jpeg2000 = UID(literal: "1.2.840.10008.1.2.4.91")
    package static let rleLossless = UID(literal: "1.2.840.10008.1.2.5")
}
