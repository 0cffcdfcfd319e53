// SPDX-License-Identifier: Apache-2.0
package import DICOM
package import Identity
package import Transfer

/// Where a professional looks at the exams of a patient in full. They have signed in here, and do not sign in anew.
package protocol ImageViewer: Sendable {
    /// Opens exams of one patient for this browser, the first of them to be shown at once; nil where too many look at
    /// images.
    func open(_ exams: [FetchedExam], by professional: Professional, language: String, isSecure: Bool)
        -> (location: String, cookie: String)?
}

/// An exam whose images come, or have come, from another box.
package struct FetchedExam: Sendable {
    package let manifest: ExamManifest
    package let patient: PatientContext
    package let title: String
    /// YYYYMMDDhhmmss, or the beginning of it.
    package let performed: String
    package let modalities: [String]
    package let accessionNumber: String
    package let institution: String
    /// What has arrived in this session, and whether more is on its way; nil once the session has ended. Counts as the
    /// session's use.
    package let arrived: @Sendable () -> (instances: Set<UID>, isRunning: Bool)?
    /// The report as a browser shows it; nil where the record has none.
    package let report: (@Sendable () async -> HTTPResponse)?
}
