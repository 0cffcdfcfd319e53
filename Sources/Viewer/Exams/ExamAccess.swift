// SPDX-License-Identifier: Apache-2.0
package import Transfer

/// Whether an exam may be looked at now. Asked anew for each request: what was withdrawn is gone at once.
package enum ExamState: Equatable, Sendable {
    case open(ViewedExam)
    /// Its report or all of its images were taken back.
    case withdrawn
    /// Who asks is not one of those who may see it.
    case hidden
    /// What it was opened in has ended.
    case over
}

/// One exam of a session: whether it may be seen, and where its images and its report come from.
package struct ExamAccess: Sendable {
    package var state: @Sendable () throws -> ExamState
    /// Images out of which spool, and out of which archives where they are not in it.
    package var images: DICOMwebService
    /// The report as a browser shows it; nil where none is kept here.
    package var report: (@Sendable () async -> HTTPResponse)?

    package init(
        images: DICOMwebService,
        report: (@Sendable () async -> HTTPResponse)? = nil,
        state: @escaping @Sendable () throws -> ExamState
    ) {
        self.images = images
        self.report = report
        self.state = state
    }
}

/// What the links of reports lead to.
package protocol LinkedExams: Sendable {
    /// The exam of which study, accession and report are all said rightly.
    func find(_ link: ImageDisplayLink) throws -> LinkTarget
}

package enum LinkTarget: Sendable {
    /// One of the three is not of the exam, or there is no such exam: which, nobody learns.
    case unknown
    case withdrawn
    /// Its images are not in the record yet, or are not to be.
    case unavailable
    case found(LinkedExam)
}

/// An exam that a link leads to.
package struct LinkedExam: Sendable {
    /// The INS (matricule) of whose exam it is.
    package var nationalIdentifier: String
    /// What a reader may see of it.
    package var access: @Sendable (Reader) -> ExamAccess

    package init(nationalIdentifier: String, access: @escaping @Sendable (Reader) -> ExamAccess) {
        self.nationalIdentifier = nationalIdentifier
        self.access = access
    }
}
