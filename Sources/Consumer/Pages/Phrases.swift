// SPDX-License-Identifier: Apache-2.0

extension Phrase {
    // MARK: Every page
    static let product = Phrase("DRIMbox – images médicales", "DRIMbox – medical images")
    static let skip = Phrase("Aller au contenu", "Skip to content")
    static let signIn = Phrase("Se connecter avec Pro Santé Connect", "Sign in with Pro Santé Connect")
    static let signOut = Phrase("Se déconnecter", "Sign out")
    static let about = Phrase("À propos", "About")
    static let otherLanguage = Phrase("English", "Français")
    static let back = Phrase("Retour à la liste", "Back to the list")
    static let home = Phrase("Accueil", "Home")

    // MARK: Home
    static let welcome = Phrase("Examens d’imagerie du patient", "The patient’s imaging exams")
    static let howToOpen = Phrase(
        "Ouvrez le dossier d’un patient depuis votre RIS ou votre logiciel métier : cette page affichera alors ses examens.",
        "Open a patient from your RIS or your practice software: this page will then show their exams."
    )
    static let openPatients = Phrase("Patients ouverts", "Open patients")
    static let signedOut = Phrase("Vous êtes déconnecté.", "You are signed out.")

    // MARK: Activity
    static let chooseActivity = Phrase(
        "Dans quelle structure travaillez-vous ?",
        "In which structure do you work?"
    )
    static let activityHelp = Phrase(
        "Votre choix détermine au nom de quelle structure le DMP est consulté.",
        "Your choice decides in whose name the record is consulted."
    )
    static let continueOn = Phrase("Continuer", "Continue")
    static let unconfigured = Phrase("non configurée sur cette DRIMbox", "not configured on this box")

    // MARK: Patient
    static let birthName = Phrase("Nom de naissance", "Birth name")
    static let firstGivenName = Phrase("Premier prénom de naissance", "First given name")
    static let birthDate = Phrase("Date de naissance", "Date of birth")
    static let sex = Phrase("Sexe", "Sex")
    static let birthPlace = Phrase("Lieu de naissance (INSEE)", "Place of birth (INSEE)")
    static let nationalIdentifier = Phrase("Matricule INS", "National identifier (INS)")
    static let identifierNature = Phrase("Nature du matricule", "Nature of the identifier")
    static let birthGivenNames = Phrase("Prénoms de naissance", "Given names at birth")
    static let usedName = Phrase("Nom utilisé", "Used name")
    static let usedGivenName = Phrase("Prénom utilisé", "Used given name")
    static let otherTraits = Phrase("Autres traits d’identité", "Other identity traits")
    static let localIdentifier = Phrase("IPP local", "Local identifier")
    static let unknownValue = Phrase("non renseigné", "not known")

    // MARK: Access
    static let noRecord = Phrase(
        "Ce patient n’a pas de dossier médical partagé (DMP).",
        "This patient has no national record (DMP)."
    )
    static let closedRecord = Phrase(
        "Le DMP de ce patient est fermé.",
        "The national record of this patient is closed."
    )
    static let forbiddenRecord = Phrase(
        "Le patient a bloqué l’accès de votre structure à son DMP.",
        "The patient has blocked your structure from their record."
    )
    static let notAuthorised = Phrase(
        "Votre structure n’a pas d’autorisation d’accès au DMP de ce patient.",
        "Your structure has no authorisation to read this patient’s record."
    )
    static let noConsentGiven = Phrase(
        "L’appel depuis votre logiciel indique que le patient n’a pas donné son consentement.",
        "The call from your software says that the patient has not consented."
    )
    static let consentBox = Phrase(
        "Le patient, informé, consent à ce que ma structure accède à son DMP.",
        "The patient was informed and consents that my structure reads their record."
    )
    static let authorise = Phrase("Ajouter l’autorisation", "Add the authorisation")

    // MARK: Emergency (EX_0.2-1050)
    static let emergency = Phrase("Accès en urgence (bris de glace)", "Emergency access (bris de glace)")
    static let emergencyHelp = Phrase(
        "Sans autorisation du patient, et seulement lorsque les soins ne peuvent attendre. Le patient et l’assurance maladie en sont informés.",
        "Without the patient’s authorisation, and only where care cannot wait. The patient and the health insurance are told."
    )
    static let emergencyBox = Phrase(
        "Je déclare une situation d’urgence.",
        "I declare an emergency."
    )
    static let emergencyReason = Phrase("Motif", "Reason")
    static let openInEmergency = Phrase("Accéder en urgence", "Enter in an emergency")
    static let unconscious = Phrase(
        "Patient hors d’état d’exprimer sa volonté",
        "The patient is unable to say what they want"
    )
    static let vital = Phrase("Urgence vitale", "Vital emergency")
    static let emergencyBanner = Phrase(
        "ACCÈS EN BRIS DE GLACE : le DMP est consulté sans autorisation du patient.",
        "EMERGENCY ACCESS (BRIS DE GLACE): the record is read without the patient’s authorisation."
    )

    // MARK: List
    static let exams = Phrase("Examens", "Exams")
    static let noExams = Phrase("Aucun examen ne correspond.", "No exam matches.")
    static let unreadableEntries = Phrase(
        "Documents du DMP illisibles et non affichés :",
        "Documents of the record that cannot be read and are not shown:"
    )
    static let silentSites = Phrase(
        "Sites qui n’ont pas répondu, ou pas entièrement ; leurs examens partagés peuvent manquer :",
        "Sites that did not answer, or not to the end; exams that they share may be missing:"
    )
    static let filters = Phrase("Filtres", "Filters")
    static let modality = Phrase("Modalité", "Modality")
    static let region = Phrase("Région anatomique", "Body region")
    static let from = Phrase("Du", "From")
    static let to = Phrase("Au", "To")
    static let any = Phrase("Toutes", "Any")
    static let withArchived = Phrase("Avec les documents archivés", "With archived documents")
    static let withObsolete = Phrase("Avec les versions obsolètes", "With obsolete versions")
    static let apply = Phrase("Appliquer", "Apply")
    static let performed = Phrase("Date", "Date")
    static let act = Phrase("Examen", "Exam")
    static let structure = Phrase("Structure", "Structure")
    static let documents = Phrase("Documents", "Documents")
    static let openViewer = Phrase("Ouvrir dans la visionneuse", "Open in the viewer")
    static let openImages = Phrase("Voir les images", "Show the images")
    static let openReport = Phrase("Lire le compte rendu", "Read the report")
    static let noImages = Phrase("Sans images partagées", "No images shared")
    static let untitled = Phrase("Examen d’imagerie", "Imaging exam")

    // MARK: States (EX_3.1-1080, EX_3.2-1025)
    static let masked = Phrase("masqué aux professionnels de santé", "hidden from health professionals")
    static let invisible = Phrase("non visible par le patient", "not visible to the patient")
    static let invisibleToGuardians = Phrase(
        "non visible par les représentants légaux",
        "not visible to legal representatives"
    )
    static let archived = Phrase("archivé", "archived")
    static let obsolete = Phrase("ancienne version obsolète", "former version, obsolete")
    static let ofPatient = Phrase("déposé par le patient", "added by the patient")
    static let invisibleWarning = Phrase(
        "Attention, ce document n’est pas visible du patient.",
        "Attention: this document is not visible to the patient."
    )
    static let guardianWarning = Phrase(
        "Attention, ce document n’est pas visible des représentants légaux, pour préserver le secret du mineur titulaire du DMP.",
        "Attention: this document is not visible to the legal representatives, to keep the minor’s secret."
    )

    // MARK: Images
    static let images = Phrase("Images", "Images")
    static let notForDiagnosis = Phrase(
        "Aperçu : ne convient pas au diagnostic primaire.",
        "Preview: not for primary diagnosis."
    )
    static let imagesCounted = Phrase("images", "images")
    static let missingImages = Phrase("Images non reçues", "Images not received")
    static let serie = Phrase("Série", "Series")
    static let image = Phrase("Image", "Image")
    static let refresh = Phrase("Actualiser", "Refresh")
    static let showFirst = Phrase("Charger en premier", "Load first")
    static let importExam = Phrase("Importer dans le PACS", "Import into the PACS")
    static let importAgain = Phrase("Relancer l’import", "Import again")
    static let imported = Phrase("images importées", "images")
    static let importRunning = Phrase("Import en cours", "Importing")
    static let importDone = Phrase("Import terminé", "Import finished")
    static let importFailed = Phrase("Import incomplet", "Import incomplete")
    static let noArchive = Phrase(
        "Aucun PACS n’est configuré pour l’import.",
        "No PACS is configured for the import."
    )
    static let retrievalRunning = Phrase("Réception en cours", "Receiving")
    static let retrievalDone = Phrase("Réception terminée", "Received")

    // MARK: Report
    static let report = Phrase("Compte rendu", "Report")
    static let otherWindow = Phrase("Ouvrir le document seul", "Open the document alone")
    static let unshownReport = Phrase(
        "Ce compte rendu n’a pas de corps PDF ; il peut être téléchargé tel quel (CDA).",
        "This report has no PDF body; it can be downloaded as it is (CDA)."
    )
    static let download = Phrase("Télécharger", "Download")

    // MARK: About
    static let editor = Phrase("Logiciel", "Software")
    static let version = Phrase("Version", "Version")
    static let profile = Phrase("Profil DMP : consultation (AIR)", "DMP profile: consultation (AIR)")

    // MARK: Refusals
    static let notSignedIn = Phrase(
        "Votre session est terminée. Rouvrez le patient depuis votre logiciel.",
        "Your session is over. Open the patient again from your software."
    )
    static let noContext = Phrase(
        "Cet appel a déjà servi, ou a expiré. Rouvrez le patient depuis votre logiciel.",
        "This call was used already, or has expired. Open the patient again from your software."
    )
    static let notFound = Phrase(
        "Cette page n’existe pas dans votre session.",
        "There is no such page in your session."
    )
    static let forged = Phrase(
        "Ce formulaire ne vient pas de votre session.",
        "This form does not come from your session."
    )
    static let signInFailed = Phrase(
        "La connexion avec Pro Santé Connect n’a pas abouti.",
        "Signing in with Pro Santé Connect did not succeed."
    )
    static let noActivity = Phrase(
        "Aucune de vos structures d’exercice n’est configurée sur cette DRIMbox.",
        "None of the structures where you work is configured on this box."
    )
    static let recordFailed = Phrase(
        "Le DMP n’a pas répondu à la demande.",
        "The national record did not do what was asked."
    )
    static let siteFailed = Phrase(
        "Le site qui partage ce document n’a pas répondu à la demande.",
        "The site that shares this document did not do what was asked."
    )
    static let recordLater = Phrase("Réessayez dans quelques instants.", "Try again in a moment.")
    static let manifestUnusable = Phrase(
        "Le manifeste de cet examen est inutilisable.",
        "The manifest of this exam cannot be used."
    )
    static let unavailable = Phrase(
        "Service momentanément indisponible",
        "Service unavailable for the moment"
    )
    static let refused = Phrase("Demande refusée", "Request refused")
    static let details = Phrase("Détail technique", "Technical detail")
}
