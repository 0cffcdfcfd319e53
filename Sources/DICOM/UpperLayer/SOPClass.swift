// SPDX-License-Identifier: Apache-2.0

/// What the box must know of SOP classes (PS3.4, PS3.6 Annex A).
package enum SOPClass {
    package static let verification = UID(literal: "1.2.840.10008.1.1")
    /// PS3.4 J.
    package static let storageCommitmentPushModel = UID(literal: "1.2.840.10008.1.20.1")
    package static let storageCommitmentPushModelInstance = UID(literal: "1.2.840.10008.1.20.1.1")
    /// Study Root Query/Retrieve Information Model (PS3.4 C.6.2).
    package static let studyRootFind = UID(literal: "1.2.840.10008.5.1.4.1.2.2.1")
    package static let studyRootMove = UID(literal: "1.2.840.10008.5.1.4.1.2.2.2")
    package static let studyRootGet = UID(literal: "1.2.840.10008.5.1.4.1.2.2.3")

    /// PS3.3 A.35.4.
    package static let keyObjectSelectionDocument = UID(literal: "1.2.840.10008.5.1.4.1.1.88.59")

    private static let dicomRoot = "1.2.840.10008"
    private static let storageRoot = "1.2.840.10008.5.1.4.1.1."

    /// Below the storage root, but queries, retrievals and creation.
    private static let notStorage: Set<String> = [
        // Protocol Approval Information Model FIND, MOVE, GET.
        "1.2.840.10008.5.1.4.1.1.200.4",
        "1.2.840.10008.5.1.4.1.1.200.5",
        "1.2.840.10008.5.1.4.1.1.200.6",
        // Inventory FIND, MOVE, GET, Inventory Creation, Repository Query.
        "1.2.840.10008.5.1.4.1.1.201.2",
        "1.2.840.10008.5.1.4.1.1.201.3",
        "1.2.840.10008.5.1.4.1.1.201.4",
        "1.2.840.10008.5.1.4.1.1.201.5",
        "1.2.840.10008.5.1.4.1.1.201.6",
    ]

    /// Elsewhere.
    private static let storageElsewhere: Set<String> = [
        // Stored Print, Hardcopy Grayscale and Color Image Storage (retired).
        "1.2.840.10008.5.1.1.27",
        "1.2.840.10008.5.1.1.29",
        "1.2.840.10008.5.1.1.30",
        // RT Beams Delivery Instruction Storage: trial (retired) and present; RT Brachy Application Setup.
        "1.2.840.10008.5.1.4.34.1",
        "1.2.840.10008.5.1.4.34.7",
        "1.2.840.10008.5.1.4.34.10",
        // Hanging Protocol, Color Palette, Generic Implant Template, Implant Assembly Template and Group.
        "1.2.840.10008.5.1.4.38.1",
        "1.2.840.10008.5.1.4.39.1",
        "1.2.840.10008.5.1.4.43.1",
        "1.2.840.10008.5.1.4.44.1",
        "1.2.840.10008.5.1.4.45.1",
    ]

    /// Whether instances of the class are stored by C-STORE. A class outside the DICOM root is private: it is
    /// taken for storage, since nothing tells and an instance must not be lost.
    package static func isStorage(_ uid: UID) -> Bool {
        let string = uid.string
        guard string == dicomRoot || string.hasPrefix(dicomRoot + ".") else { return true }
        if string.hasPrefix(storageRoot) { return !notStorage.contains(string) }
        return storageElsewhere.contains(string)
    }
}
