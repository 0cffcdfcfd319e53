// SPDX-License-Identifier: Apache-2.0

/// Who has signed in, as userinfo of Pro Santé Connect says (DOMAIN 7).
package struct Professional: Equatable, Sendable {
    /// A code with the OID of its list: `SA07^1.2.250.1.71.4.2.4`, or the code alone.
    package struct Code: Equatable, Sendable {
        package let code: String
        package let scheme: String?

        package init(code: String, scheme: String?) {
            self.code = code
            self.scheme = scheme
        }

        init?(_ value: JSONValue?) {
            guard let text = value?.text else { return nil }
            let parts = text.split(separator: "^", maxSplits: 1, omittingEmptySubsequences: false)
            guard let code = parts.first, !code.isEmpty else { return nil }
            let scheme = parts.count > 1 && !parts[1].isEmpty ? String(parts[1]) : nil
            self.init(code: String(code), scheme: scheme)
        }
    }

    /// One place where the professional works, in one profession.
    package struct Activity: Equatable, Sendable {
        /// `ancienIdentifiantDeLaStructure`, or `SubjectOrganizationID`.
        package let structureIdentifier: String?
        /// `raisonSocialeSite`, or `SubjectOrganization`.
        package let structureName: String?
        /// `codeSecteurDactivite`, or `Secteur_Activite`: SA07.
        package let sector: Code?
        /// `codeProfession`, or `SubjectRole`: 10 is a physician.
        package let profession: Code?
        /// `codeSavoirFaire`: SM54.
        package let specialty: Code?
        package let finess: String?
        package let siret: String?

        package init(
            structureIdentifier: String?,
            structureName: String?,
            sector: Code? = nil,
            profession: Code? = nil,
            specialty: Code? = nil,
            finess: String? = nil,
            siret: String? = nil
        ) {
            self.structureIdentifier = structureIdentifier
            self.structureName = structureName
            self.sector = sector
            self.profession = profession
            self.specialty = specialty
            self.finess = finess
            self.siret = siret
        }

        /// Whether it says which structure it is.
        fileprivate var namesStructure: Bool {
            structureIdentifier != nil || structureName != nil || finess != nil || siret != nil
        }
    }

    /// The national identifier (RPPS or ADELI with its prefix): `SubjectNameID`, else `preferred_username`.
    package let identifier: String
    /// The provider's own name of the account: `sub`.
    package let subject: String
    package let familyName: String
    package let givenName: String
    package let activities: [Activity]

    package init(
        identifier: String,
        subject: String,
        familyName: String,
        givenName: String,
        activities: [Activity]
    ) {
        self.identifier = identifier
        self.subject = subject
        self.familyName = familyName
        self.givenName = givenName
        self.activities = activities
    }

    /// Reads userinfo. What is malformed within an activity is left out.
    package init(reading json: [UInt8]) throws(SignInError) {
        try self.init(UserClaims(reading: json))
    }

    package init(_ claims: UserClaims) throws(SignInError) {
        let info = claims.info
        let named = [info["SubjectNameID"], info["preferred_username"]].lazy.compactMap { $0?.text }.first
        guard let identifier = named, identifier.utf8.count <= 64,
            identifier.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
        else {
            throw .invalid(
                "userinfo identifier",
                found: "none",
                expected: "SubjectNameID or preferred_username"
            )
        }
        let exercises = info["SubjectRefPro"]?["exercices"]?.elements ?? []
        let practised = exercises.flatMap(Self.activities)
        self.init(
            identifier: identifier,
            subject: claims.subject,
            familyName: info["family_name"]?.text
                ?? exercises.lazy.compactMap { $0["nomDexercice"]?.text }.first ?? "",
            givenName: info["given_name"]?.text
                ?? exercises.lazy.compactMap { $0["prenomDexercice"]?.text }.first ?? "",
            activities: practised.isEmpty ? Self.summary(info) : practised
        )
    }

    private static func activities(_ exercise: JSONValue) -> [Activity] {
        (exercise["activities"]?.elements ?? []).compactMap { entry in
            let activity = Activity(
                structureIdentifier: entry["ancienIdentifiantDeLaStructure"]?.text,
                structureName: entry["raisonSocialeSite"]?.text,
                sector: Code(entry["codeSecteurDactivite"]),
                profession: Code(exercise["codeProfession"]),
                specialty: Code(exercise["codeSavoirFaire"]),
                finess: entry["numeroFinessSite"]?.text,
                siret: entry["numeroSiretSite"]?.text
            )
            return activity.namesStructure ? activity : nil
        }
    }

    /// The one activity that the claims beside SubjectRefPro tell of.
    private static func summary(_ info: JSONValue) -> [Activity] {
        let role = info["SubjectRole"]
        let activity = Activity(
            structureIdentifier: info["SubjectOrganizationID"]?.text,
            structureName: info["SubjectOrganization"]?.text,
            sector: Code(info["Secteur_Activite"]),
            profession: Code(role) ?? role?.elements.lazy.compactMap { Code($0) }.first
        )
        return activity.namesStructure ? [activity] : []
    }
}
