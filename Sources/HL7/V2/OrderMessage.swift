// SPDX-License-Identifier: Apache-2.0

/// An exam that was changed or cancelled at the RIS: OMI^O23 (2.5.1), « Modification Examen Imagerie ».
package struct OrderMessage: Equatable, Sendable {
    package enum Action: Sendable {
        case changed
        case cancelled
    }

    package let controlID: String
    package let action: Action
    /// IPC-1 and IPC-3 of each procedure.
    package let procedures: [Procedure]

    package struct Procedure: Equatable, Sendable {
        package let accessionNumber: String?
        package let studyInstanceUID: String
    }

    package init(_ message: HL7Message) throws(HL7Error) {
        let header = try message.required("MSH")
        controlID = try header.required(10)
        guard try header.text(9) == "OMI", try header.text(9, component: 2) == "O23" else {
            throw HL7Error(.eventCode, "MSH-9", found: "another event", expected: "OMI^O23")
        }
        let order = try message.required("ORC")
        switch (try order.required(1), try order.text(5)) {
        case ("CA", _), ("DC", _), ("OC", _): action = .cancelled
        case ("NW", _), ("XO", _), ("SC", _), ("RO", _): action = .changed
        default: throw HL7Error(.tableValue, "ORC-1", found: "another code", expected: "NW, XO, SC or CA")
        }
        var procedures: [Procedure] = []
        for procedure in message.all("IPC") {
            let study = try procedure.required(3)
            procedures.append(Procedure(accessionNumber: try procedure.text(1), studyInstanceUID: study))
        }
        guard !procedures.isEmpty else {
            throw HL7Error(.segmentSequence, "IPC", found: "none", expected: "the study that was changed")
        }
        self.procedures = procedures
    }
}
