// SPDX-License-Identifier: Apache-2.0
import Linux
import Testing

@testable import DICOM

/// Bytes from lines of hexadecimal digits and "quoted text"; `//` starts a comment.
func annotated(_ lines: String) -> [UInt8] {
    var bytes: [UInt8] = []
    for line in lines.split(separator: "\n") {
        let parts = line.split(separator: "\"", omittingEmptySubsequences: false)
        var isText = false
        for part in parts {
            if isText {
                bytes += Array(part.utf8)
            } else {
                let code = part.prefix(upTo: commentStart(part))
                let digits = Array(code.filter { $0 != " " })
                for index in stride(from: 0, to: digits.count - 1, by: 2) {
                    bytes.append(UInt8(String(digits[index...index + 1]), radix: 16) ?? 0)
                }
                if code.endIndex != part.endIndex { break }
            }
            isText.toggle()
        }
    }
    return bytes
}

private func commentStart(_ text: Substring) -> Substring.Index {
    var index = text.startIndex
    while index < text.endIndex {
        if text[index...].hasPrefix("//") { return index }
        index = text.index(after: index)
    }
    return text.endIndex
}

/// PDUs as on the wire.
enum SamplePDU {
    static let associateRQ = annotated(
        """
        01 00 000001B0                          // A-ASSOCIATE-RQ, 432 bytes
        0001 0000                               // protocol version 1
        "ANY-SCP         "                      // called AE title
        "STORESCU        "                      // calling AE title
        00000000000000000000000000000000        // reserved
        00000000000000000000000000000000
        10 00 0015 "1.2.840.10008.3.1.1.1"      // application context
        20 00 002E 01 00 00 00                  // presentation context 1
          30 00 0011 "1.2.840.10008.1.1"        //   Verification
          40 00 0011 "1.2.840.10008.1.2"        //   Implicit VR Little Endian
        20 00 004D 03 00 00 00                  // presentation context 3
          30 00 0019 "1.2.840.10008.5.1.4.1.1.2" //  CT Image Storage
          40 00 0013 "1.2.840.10008.1.2.1"      //   Explicit VR Little Endian
          40 00 0011 "1.2.840.10008.1.2"        //   Implicit VR Little Endian
        50 00 00CC                              // user information
          51 00 0004 00004000                   //   maximum length 16384
          52 00 0007 "1.2.3.4"                  //   implementation class UID
          53 00 0004 0000 0001                  //   invokes any number, performs 1
          54 00 001D 0019 "1.2.840.10008.5.1.4.1.1.2" 01 01 // SCU and SCP role
          55 00 0009 "TEST_SCU1"                //   implementation version name
          56 00 001E 0019 "1.2.840.10008.5.1.4.1.1.2" 02 00 01 // extended negotiation
          57 00 004B 0019 "1.2.840.10008.5.1.4.1.1.2" // common extended negotiation
            0011 "1.2.840.10008.4.2"            //     service class: Storage
            001B 0019 "1.2.840.10008.5.1.4.1.1.4" //   related general SOP class
          58 00 000E 02 01 0005 "alice" 0003 "pwd" //  user identity, response requested
        """
    )

    static let associateAC = annotated(
        """
        02 00 000000D0                          // A-ASSOCIATE-AC, 208 bytes
        0001 0000                               // protocol version 1
        "ANY-SCP         "                      // as in the request
        "STORESCU        "
        00000000000000000000000000000000        // reserved
        00000000000000000000000000000000
        10 00 0015 "1.2.840.10008.3.1.1.1"      // application context
        21 00 0019 01 00 00 00                  // presentation context 1: acceptance
          40 00 0011 "1.2.840.10008.1.2"        //   Implicit VR Little Endian
        21 00 0019 03 00 03 00                  // presentation context 3: abstract syntax not supported
          40 00 0011 "1.2.840.10008.1.2"        //   not significant
        50 00 0035                              // user information
          51 00 0004 00020000                   //   maximum length 131072
          52 00 0007 "1.2.3.5"                  //   implementation class UID
          53 00 0004 0010 0001                  //   16 invoked, 1 performed
          55 00 000A "TEST_SCP_1"               //   implementation version name
          59 00 0008 0006 "ticket"              //   user identity response
        """
    )

    static let associateRJ = annotated(
        "03 00 00000004 00 01 01 07 // permanent, service user, called AE title"
    )
    static let releaseRQ = annotated("05 00 00000004 00000000")
    static let releaseRP = annotated("06 00 00000004 00000000")
    static let abort = annotated(
        "07 00 00000004 00 00 02 06 // service provider, invalid PDU parameter value"
    )

    /// A command and two parts of a data set in one PDU, then the rest of the data set.
    static let dataTF = annotated(
        """
        04 00 00000021                          // P-DATA-TF, 33 bytes
          00000007 03 03 "HELLO"                //   command, last, 5 bytes
          00000005 03 00 "abc"                  //   data set, 3 bytes
          00000002 03 00                        //   data set, no bytes
          00000003 03 02 "d"                    //   data set, last, 1 byte
        """
    )

    static let everyKind: [[UInt8]] = [
        associateRQ, associateAC, associateRJ, releaseRQ, releaseRP, abort, dataTF,
    ]
}

/// What a reader tells, with the pieces of each value joined.
enum JoinedEvent: Hashable {
    case event(PDUReader.Event)
    case value(contextID: UInt8, isCommand: Bool, isLast: Bool, bytes: [UInt8])
}

/// Everything a reader says about bytes fed in pieces.
struct Reading: Hashable {
    var events: [JoinedEvent] = []
    var error: PDUError?
    var isMidPDU = false
    /// Bytes of a value whose end is missing.
    var open: [UInt8] = []

    init(_ pieces: [[UInt8]], maximumLength: Int = 0) {
        var reader = PDUReader(maximumLength: maximumLength)
        do {
            for piece in pieces {
                try piece.withRawSpan { bytes throws(PDUError) in try read(bytes, &reader) }
            }
        } catch {
            self.error = error
        }
        isMidPDU = reader.isMidPDU
    }

    private mutating func read(_ bytes: RawSpan, _ reader: inout PDUReader) throws(PDUError) {
        var offset = 0
        var last = 0
        while let event = try reader.next(bytes, &offset) {
            if case .fragment(let fragment) = event {
                #expect(fragment.range.lowerBound >= last && fragment.range.upperBound == offset)
                #expect(!fragment.isLast || fragment.endsFragment)
                open += bytes.array(fragment.range)
                guard fragment.endsFragment else { continue }
                let (id, isCommand, isLast) = (fragment.contextID, fragment.isCommand, fragment.isLast)
                events.append(.value(contextID: id, isCommand: isCommand, isLast: isLast, bytes: open))
                open = []
            } else {
                events.append(.event(event))
            }
            last = offset
        }
        #expect(offset == bytes.byteCount)
    }
}
