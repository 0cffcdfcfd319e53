// SPDX-License-Identifier: Apache-2.0
import DICOM
import Testing

@testable import Viewer

@Suite("Links of reports") struct LinkTests {
    static let valid =
        "requestType=STUDY&studyUID=1.2.250.1.213.4.5.2.1.101&accessionNumber=ACN101&idCDA=1.2.250.1.213.4.5.4.401"

    @Test("a link says study, accession and report, in any order") func valid() throws {
        let link = try #require(ImageDisplayLink(query: Self.valid))
        #expect(link.studyInstanceUID.string == "1.2.250.1.213.4.5.2.1.101")
        #expect(link.accessionNumber == "ACN101")
        #expect(link.reportID == "1.2.250.1.213.4.5.4.401")
        let turned = Self.valid.split(separator: "&").reversed().joined(separator: "&")
        #expect(ImageDisplayLink(query: turned) == link)
    }

    @Test(
        "a report's extension comes behind an underscore, or as reports have it",
        arguments: ["1.2.3_A7102400008_6", "1.2.3%5EA7102400008_6", "1%2E2.3_A7102400008%5F6"]
    )
    func extensions(text: String) {
        let link = ImageDisplayLink(
            query: "requestType=STUDY&studyUID=1.2.3&accessionNumber=A&idCDA=\(text)"
        )
        #expect(link?.reportID == "1.2.3^A7102400008_6")
    }

    @Test("what only says how to look does no harm", arguments: ["viewerType=IHE_BIR", "lang=en"])
    func ignored(more: String) {
        #expect(ImageDisplayLink(query: Self.valid + "&" + more) == ImageDisplayLink(query: Self.valid))
    }

    @Test(
        "everything else is no link",
        arguments: [
            // One of the four is missing.
            "studyUID=1.2.3&accessionNumber=A&idCDA=1.2",
            "requestType=STUDY&accessionNumber=A&idCDA=1.2",
            "requestType=STUDY&studyUID=1.2.3&idCDA=1.2",
            "requestType=STUDY&studyUID=1.2.3&accessionNumber=A",
            // Empty.
            "", "requestType=STUDY&studyUID=&accessionNumber=A&idCDA=1.2",
            "requestType=STUDY&studyUID=1.2.3&accessionNumber=&idCDA=1.2",
            "requestType=STUDY&studyUID=1.2.3&accessionNumber=A&idCDA=",
            // Twice, the same or another.
            "requestType=STUDY&studyUID=1.2.3&studyUID=1.2.3&accessionNumber=A&idCDA=1.2",
            "requestType=STUDY&studyUID=1.2.3&accessionNumber=A&accessionNumber=B&idCDA=1.2",
            // Another request, other letters.
            "requestType=PATIENT&studyUID=1.2.3&accessionNumber=A&idCDA=1.2",
            "requestType=study&studyUID=1.2.3&accessionNumber=A&idCDA=1.2",
            "requesttype=STUDY&studyUID=1.2.3&accessionNumber=A&idCDA=1.2",
            "requestType=STUDY&studyuid=1.2.3&accessionNumber=A&idCDA=1.2",
            // What would have to be checked and is not known to be.
            "requestType=STUDY&studyUID=1.2.3&accessionNumber=A&idCDA=1.2&patientID=7",
            // No UID, several, spaces.
            "requestType=STUDY&studyUID=1.2.x&accessionNumber=A&idCDA=1.2",
            "requestType=STUDY&studyUID=1.2.3,1.2.4&accessionNumber=A&idCDA=1.2",
            "requestType=STUDY&studyUID=1.2.3%20&accessionNumber=A&idCDA=1.2",
            "requestType=STUDY&studyUID=1.2.3&accessionNumber=A+B&idCDA=1.2",
            "requestType=STUDY&studyUID=1.2.3&accessionNumber=%3Cscript%3E%0A&idCDA=1.2",
            "requestType=STUDY&studyUID=1.2.3&accessionNumber=%C3%A9&idCDA=1.2",
            // No encoding.
            "requestType=STUDY&studyUID=1.2.3&accessionNumber=%4&idCDA=1.2",
            "requestType=STUDY&studyUID=1.2.3&accessionNumber=%FF&idCDA=1.2",
            "requestType=STUDY&studyUID=1.2.3&accessionNumber=A&idCDA=" + String(repeating: "1", count: 257),
            "requestType=STUDY&studyUID=1.2.3&accessionNumber=A&idCDA=1.2&lang="
                + String(repeating: "x", count: 1024),
        ]
    )
    func invalid(query: String) {
        #expect(ImageDisplayLink(query: query) == nil)
    }

    @Test("what the RIS is told becomes the link by the report's id") func template() throws {
        let link = try #require(
            ImageDisplayLink(query: "requestType=STUDY&studyUID=1.2.3&accessionNumber=A%26B&idCDA=1.2_7%2B")
        )
        let url = link.url("https://vi1.example")
        #expect(
            url
                == "https://vi1.example/IHEInvokeImageDisplay?requestType=STUDY&studyUID=1.2.3&accessionNumber=A%26B&idCDA=1.2_7%2B"
        )
        #expect(ImageDisplayLink(query: String(url.split(separator: "?")[1])) == link)
        #expect(
            ImageDisplayLink.template("https://vi1.example")
                == "https://vi1.example/IHEInvokeImageDisplay?requestType=STUDY&studyUID={StudyInstanceUID}&accessionNumber={AccessionNumber}&idCDA={id}"
        )
    }
}
