// SPDX-License-Identifier: Apache-2.0
import DICOM

/// Reads whatever comes as a manifest, in DICOM or FHIR; one that can be read is written as FHIR and read again.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzManifest(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: start, count: count))
    guard let manifest = try? ImagingManifest(document: bytes) else { return 0 }
    _ = manifest.retrievals
    guard let document = try? MADOBundle.encode(manifest) else { return 0 }
    do {
        let again = try MADOBundle.decode(document)
        precondition(again.study.instanceCount == manifest.study.instanceCount, "instances are lost")
    } catch {
        preconditionFailure("what we wrote cannot be read: \(error)")
    }
    return 0
}
