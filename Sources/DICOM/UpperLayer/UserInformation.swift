// SPDX-License-Identifier: Apache-2.0

/// The User Information Item (PS3.8 9.3.2.3, D.3; PS3.7 D.3.3). Sub items of other types are passed over.
package struct UserInformation: Hashable, Sendable {
    static let itemType: UInt8 = 0x50

    /// 51H: bytes of a P-DATA-TF PDU after its header that the sender of this takes; 0 means any number.
    package var maximumLength: UInt32?
    /// 52H; nil too where what was received is no UID, since nothing depends on it.
    package var implementationClassUID: UID?
    /// 53H
    package var asynchronousOperationsWindow: AsynchronousOperationsWindow?
    /// 54H
    package var roleSelections: [RoleSelection] = []
    /// 55H: 1 to 16 printable characters.
    package var implementationVersionName: String?
    /// 56H
    package var sopClassExtendedNegotiations: [SOPClassExtendedNegotiation] = []
    /// 57H
    package var sopClassCommonExtendedNegotiations: [SOPClassCommonExtendedNegotiation] = []
    /// 58H, in requests.
    package var userIdentity: UserIdentity?
    /// 59H, in acceptances: the server's response.
    package var userIdentityResponse: [UInt8]?

    package init(
        maximumLength: UInt32? = nil,
        implementationClassUID: UID? = nil,
        implementationVersionName: String? = nil
    ) {
        self.maximumLength = maximumLength
        self.implementationClassUID = implementationClassUID
        self.implementationVersionName = implementationVersionName
    }
}

/// 53H (PS3.7 D.3.3.3), seen from the requestor in requests and acceptances; 0 means any number.
package struct AsynchronousOperationsWindow: Hashable, Sendable {
    package var maximumNumberOperationsInvoked: UInt16
    package var maximumNumberOperationsPerformed: UInt16

    package init(invoked: UInt16, performed: UInt16) {
        maximumNumberOperationsInvoked = invoked
        maximumNumberOperationsPerformed = performed
    }
}

/// 54H (PS3.7 D.3.3.4): the requestor's roles for a SOP class.
package struct RoleSelection: Hashable, Sendable {
    package var sopClassUID: UID
    package var scuRole: Bool
    package var scpRole: Bool

    package init(sopClassUID: UID, scuRole: Bool, scpRole: Bool) {
        self.sopClassUID = sopClassUID
        self.scuRole = scuRole
        self.scpRole = scpRole
    }
}

/// 56H (PS3.7 D.3.3.5).
package struct SOPClassExtendedNegotiation: Hashable, Sendable {
    package var sopClassUID: UID
    /// Its meaning is defined by the service class.
    package var serviceClassApplicationInformation: [UInt8]

    package init(sopClassUID: UID, serviceClassApplicationInformation: [UInt8]) {
        self.sopClassUID = sopClassUID
        self.serviceClassApplicationInformation = serviceClassApplicationInformation
    }
}

/// 57H (PS3.7 D.3.3.6).
package struct SOPClassCommonExtendedNegotiation: Hashable, Sendable {
    package var sopClassUID: UID
    package var serviceClassUID: UID
    package var relatedGeneralSOPClassUIDs: [UID]

    package init(sopClassUID: UID, serviceClassUID: UID, relatedGeneralSOPClassUIDs: [UID]) {
        self.sopClassUID = sopClassUID
        self.serviceClassUID = serviceClassUID
        self.relatedGeneralSOPClassUIDs = relatedGeneralSOPClassUIDs
    }
}

/// 58H (PS3.7 D.3.3.7). May hold a password or token: it has no description and belongs in no log.
package struct UserIdentity: Hashable, Sendable {
    /// 1 user name, 2 with passcode, 3 Kerberos, 4 SAML, 5 JSON Web Token.
    package var userIdentityType: UInt8
    package var positiveResponseRequested: Bool
    package var primaryField: [UInt8]
    package var secondaryField: [UInt8]

    package init(
        userIdentityType: UInt8,
        positiveResponseRequested: Bool,
        primaryField: [UInt8],
        secondaryField: [UInt8]
    ) {
        self.userIdentityType = userIdentityType
        self.positiveResponseRequested = positiveResponseRequested
        self.primaryField = primaryField
        self.secondaryField = secondaryField
    }
}
