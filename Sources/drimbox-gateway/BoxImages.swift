// SPDX-License-Identifier: Apache-2.0
import Consumer
import DICOM
import Linux
import Transfer

/// Images out of the boxes of the white list. A professional's token goes to no other host, over no other scheme, and
/// follows no redirection.
struct BoxImages: ImageSource {
    /// By what the images are for: what comes for the screen may have lost something, and is kept apart.
    let clients: [RetrievePurpose: DICOMwebClient]
    let boxes: KnownBoxes
    let allowsPrivateAddresses: Bool
    /// The proxy looks names up; what it finds is not known here.
    let hasProxy: Bool

    func retrieve(
        _ series: ExamManifest.Series,
        of manifest: UID,
        study: UID,
        purpose: RetrievePurpose,
        token: String,
        onInstance: @escaping @Sendable (UID) -> Void
    ) async throws(ImageSourceError) -> [UID: ImageFailure] {
        try await check(RetrieveAddress(series.retrieveURL))
        guard let web = clients[purpose] else { throw .unreachable("nothing is retrieved to \(purpose)") }
        let result: DICOMwebClient.Retrieved
        do {
            result = try await web.retrieve(
                series.retrieveURL,
                accept: purpose.accept,
                headers: [
                    ("Authorization", "Bearer \(token)"), ("KOS-SOPInstanceUID", manifest.string),
                ],
                wanted: Set(series.instances),
                study: study,
                onInstance: onInstance
            )
        } catch {
            throw .unreachable("\(error)")
        }
        switch result.error {
        case .refused(let status, _): throw .refused(status: status)
        case .redirected(let status): throw .refused(status: status)
        case let error? where result.stored.isEmpty: throw .unreachable("\(error)")
        case let error:
            var missing = result.failures.mapValues(ImageFailure.notKept)
            for uid in result.missing where missing[uid] == nil {
                missing[uid] = error.map { .interrupted("\($0)") } ?? .gone
            }
            return missing
        }
    }

    /// Whether a professional's token may be sent to it.
    func check(_ address: RetrieveAddress) async throws(ImageSourceError) {
        guard let isListed = boxes.serves(imagesAt: address.host) else {
            throw .forbiddenAddress("there is no white list to look it up in")
        }
        guard isListed else {
            throw .forbiddenAddress("found \(address.host), expected a box of the white list")
        }
        guard !allowsPrivateAddresses, !hasProxy else { return }
        guard let isPublic = await HostAddresses.arePublic(address.host) else {
            throw .unreachable("\(address.host): the name is not known")
        }
        guard isPublic else {
            throw .forbiddenAddress("\(address.host): found a private address, expected a public one")
        }
    }
}
