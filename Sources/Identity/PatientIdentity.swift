// SPDX-License-Identifier: Apache-2.0

/// Who has signed in to see exams of their own, or of those whom they represent in law.
package struct PatientIdentity: Equatable, Sendable {
    /// In which claims a provider says who it is. The names are the provider's.
    package struct ClaimNames: Equatable, Sendable {
        /// The INS of who signed in: a text.
        package var nationalIdentifier: String
        /// The INS of each whom they represent in law: a text, or several. Nil: nobody represents anybody.
        package var represented: String?

        package init(nationalIdentifier: String, represented: String? = nil) {
            self.nationalIdentifier = nationalIdentifier
            self.represented = represented
        }
    }

    /// INS (matricule): 13 characters and a key of 2.
    package let nationalIdentifier: String
    package let represented: Set<String>

    package init(nationalIdentifier: String, represented: Set<String> = []) {
        self.nationalIdentifier = nationalIdentifier
        self.represented = represented
    }

    /// - Throws: where there is no INS whose key is right, or one of those represented is none.
    package init(_ claims: UserClaims, _ names: ClaimNames) throws(SignInError) {
        guard let own = claims[names.nationalIdentifier]?.text, NationalIdentifier.isValid(own) else {
            throw .invalid("userinfo national identifier", found: "none", expected: "an INS of 15 characters")
        }
        let claimed = names.represented.flatMap { claims[$0] } ?? .null
        let texts: [String?] =
            switch claimed {
            case .null: []
            case .array(let values): values.map(\.text)
            default: [claimed.text]
            }
        guard texts.allSatisfy({ $0.map(NationalIdentifier.isValid) == true }) else {
            throw .invalid("userinfo represented", found: "something else", expected: "INS of 15 characters")
        }
        let represented = Set(texts.compactMap(\.self))
        self.init(nationalIdentifier: own, represented: represented)
    }
}

extension PatientIdentity: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    package var description: String { "a patient" }
    package var debugDescription: String { description }
    package var customMirror: Mirror { Mirror(self, children: [:]) }
}
