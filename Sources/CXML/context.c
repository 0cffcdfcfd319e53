/* SPDX-License-Identifier: Apache-2.0 */
#include "signature.h"

#include <xmlsec/openssl/crypto.h>
#include <xmlsec/openssl/evp.h>
#include <xmlsec/transforms.h>

xmlSecDSigCtxPtr cxml_dsig_context(EVP_PKEY *pair, const struct cxml_signature *signature, struct cxml_result *result) {
    const xmlSecTransformId canonicalizations[] = {
        xmlSecTransformInclC14NId, xmlSecTransformInclC14NWithCommentsId,
        xmlSecTransformInclC14N11Id, xmlSecTransformInclC14N11WithCommentsId,
        xmlSecTransformExclC14NId, xmlSecTransformExclC14NWithCommentsId,
    };
    const xmlSecTransformId for_references[] = {
        xmlSecTransformEnvelopedId, xmlSecTransformXPath2Id,
        xmlSecOpenSSLTransformSha1Id, xmlSecOpenSSLTransformSha256Id,
        xmlSecOpenSSLTransformSha384Id, xmlSecOpenSSLTransformSha512Id,
    };
    const xmlSecTransformId for_signatures[] = {
        xmlSecOpenSSLTransformRsaSha1Id, xmlSecOpenSSLTransformRsaSha256Id, xmlSecOpenSSLTransformRsaSha384Id,
        xmlSecOpenSSLTransformRsaSha512Id, xmlSecOpenSSLTransformEcdsaSha256Id,
        xmlSecOpenSSLTransformEcdsaSha384Id, xmlSecOpenSSLTransformEcdsaSha512Id,
    };
    if (EVP_PKEY_get_base_id(pair) != signature->method_type) {
        cxml_fail(result, CXML_KEY, CXML_KEY_METHOD, 0, 0);
        return 0;
    }
    xmlSecDSigCtxPtr context = xmlSecDSigCtxCreate(0);
    if (context == 0) {
        cxml_fail(result, CXML_FAILED, 0, 0, 0);
        return 0;
    }
    context->flags = XMLSEC_DSIG_FLAGS_IGNORE_MANIFESTS | XMLSEC_DSIG_FLAGS_STORE_SIGNEDINFO_REFERENCES;
    context->enabledReferenceUris = xmlSecTransformUriTypeEmpty | xmlSecTransformUriTypeSameDocument;
    int failed = 0;
    for (size_t index = 0; index < sizeof canonicalizations / sizeof canonicalizations[0]; index++) {
        failed |= xmlSecDSigCtxEnableReferenceTransform(context, canonicalizations[index]) < 0;
        failed |= xmlSecDSigCtxEnableSignatureTransform(context, canonicalizations[index]) < 0;
    }
    for (size_t index = 0; index < sizeof for_references / sizeof for_references[0]; index++) {
        failed |= xmlSecDSigCtxEnableReferenceTransform(context, for_references[index]) < 0;
    }
    for (size_t index = 0; index < sizeof for_signatures / sizeof for_signatures[0]; index++) {
        failed |= xmlSecDSigCtxEnableSignatureTransform(context, for_signatures[index]) < 0;
    }
    context->signKey = xmlSecKeyCreate();
    xmlSecKeyDataPtr data = EVP_PKEY_up_ref(pair) == 1 ? xmlSecOpenSSLEvpKeyAdopt(pair) : 0;
    if (data == 0) failed = 1;
    else if (context->signKey == 0 || xmlSecKeySetValue(context->signKey, data) < 0) {
        xmlSecKeyDataDestroy(data);
        failed = 1;
    }
    if (!failed) return context;
    xmlSecDSigCtxDestroy(context);
    cxml_fail(result, CXML_FAILED, 0, 0, 0);
    return 0;
}
