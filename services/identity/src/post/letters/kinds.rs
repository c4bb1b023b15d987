//! The kinds of letters, and the placeholders of each.

/// The kind of a letter, with the placeholders in its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `programme`, `registered`, `link`, `code`, `until`. It contains no name: the reader may not be the person who entered the
    /// name.
    VerifyEmail,
    /// `name`, `programme`, `link`, `recover`.
    RegisteredAgain,
    /// `name`, `programme`, `link`, `code`, `until`.
    Recovery,
    /// `name`, `programme`, `at`, `recover`.
    PasswordRecovered,
    /// `programme`, `asked`, `link`, `code`, `until`. It contains no name: the reader may not be the person who asked.
    AddressAsked,
    /// `name`, `programme`, `asked`, `address`, `recover`.
    AddressWarned,
    /// `name`, `programme`, `sign_in`, `recover`. It contains nothing of who asked.
    AddressTaken,
    /// `name`, `programme`, `former`, `address`.
    AddressChanged,
    /// `name`, `programme`, `former`, `address`, `link`, `code`, `until`.
    AddressGivenUp,
    /// `name`, `programme`, `at`, `reason`.
    AccountLocked,
    /// `name`, `programme`, `sign_in`, `recover`.
    AccountReinstated,
    /// `name`, `programme`, `until`, `sign_in`, `recover`.
    AccountIdle,
    /// `name`, `programme`, `team`, `login`, `credential`, `link`, `until`.
    TeamCredential,
    /// `name`, `programme`, `team`, `refusal`.
    ApplicationRefused,
    /// `name`, `programme`, `twinning`, `team`, `since`, `todo`, `link`, `sign_in`. It contains nothing of the other class.
    ClassAwaited,
    /// `name`, `programme`, `twinning`, `since`, `todo`, `link`, `sign_in`.
    CentralTeamAwaited,
    /// `programme`, `role`, `link`, `code`, `until`. It does not say whether the address has an account.
    Invitation,
    /// `name`, `programme`, `role`, `link`.
    MandateGranted,
    /// `name`, `programme`, `role`, `link`.
    MandateRevoked,
    /// `name`, `programme`, `ground`, `link`.
    TeacherConfirmed,
    /// `name`, `programme`, `link`.
    ConfirmationEnded,
    /// `programme`, `teacher`, `address`, `school`, `link`, `code`, `until`. The school reads it, and judges the address too: a stranger may
    /// have taken a teacher's name.
    SchoolAsked,
    /// `name`, `programme`, `system`, `since`.
    WebhookDisabled,
    /// `name`, `programme`, `system`, `at`, `recover`.
    MachineSecretMade,
    /// `name`, `programme`, `team`, `referent`, `at`.
    ClassHandedOver,
    /// `name`, `programme`, `team`, `teacher`, `at`, `recover`.
    SupportAdded,
    /// `name`, `programme`, `at`, `recover`.
    FactorEnrolled,
    /// `name`, `programme`, `at`, `recover`.
    FactorGivenUp,
    /// `name`, `programme`, `at`, `sign_in`.
    FactorReset,
    /// `name`, `programme`, `at`, `left`, `recover`.
    RecoveryCodeUsed,
    /// `name`, `programme`, `at`, `recover`.
    PasskeyAdded,
    /// `name`, `programme`, `at`, `recover`.
    PasskeyRemoved,
    /// `name`, `programme`, `at`, `recover`.
    PasskeyCopied,
    /// `name`, `programme`, `provider`, `at`, `recover`.
    ProviderLinked,
    /// `name`, `programme`, `provider`, `at`, `recover`.
    ProviderUnlinked,
}

impl Kind {
    /// The name of its table.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::VerifyEmail => "verify_email",
            Self::RegisteredAgain => "registered_again",
            Self::Recovery => "recovery",
            Self::PasswordRecovered => "password_recovered",
            Self::AddressAsked => "address_asked",
            Self::AddressWarned => "address_warned",
            Self::AddressTaken => "address_taken",
            Self::AddressChanged => "address_changed",
            Self::AddressGivenUp => "address_given_up",
            Self::AccountLocked => "account_locked",
            Self::AccountReinstated => "account_reinstated",
            Self::AccountIdle => "account_idle",
            Self::TeamCredential => "team_credential",
            Self::ApplicationRefused => "application_refused",
            Self::ClassAwaited => "class_awaited",
            Self::CentralTeamAwaited => "central_team_awaited",
            Self::Invitation => "invitation",
            Self::MandateGranted => "mandate_granted",
            Self::MandateRevoked => "mandate_revoked",
            Self::TeacherConfirmed => "teacher_confirmed",
            Self::ConfirmationEnded => "confirmation_ended",
            Self::SchoolAsked => "school_asked",
            Self::WebhookDisabled => "webhook_disabled",
            Self::MachineSecretMade => "machine_secret_made",
            Self::ClassHandedOver => "class_handed_over",
            Self::SupportAdded => "support_added",
            Self::FactorEnrolled => "factor_enrolled",
            Self::FactorGivenUp => "factor_given_up",
            Self::FactorReset => "factor_reset",
            Self::RecoveryCodeUsed => "recovery_code_used",
            Self::PasskeyAdded => "passkey_added",
            Self::PasskeyRemoved => "passkey_removed",
            Self::PasskeyCopied => "passkey_copied",
            Self::ProviderLinked => "provider_linked",
            Self::ProviderUnlinked => "provider_unlinked",
        }
    }
}

/// Every kind, with the placeholders that its text has to have and may have.
pub(super) const KINDS: [(Kind, &[&str]); 35] = [
    (Kind::VerifyEmail, &["programme", "registered", "link", "code", "until"]),
    (Kind::RegisteredAgain, &["name", "programme", "link", "recover"]),
    (Kind::Recovery, &["name", "programme", "link", "code", "until"]),
    (Kind::PasswordRecovered, &["name", "programme", "at", "recover"]),
    (Kind::AddressAsked, &["programme", "asked", "link", "code", "until"]),
    (Kind::AddressWarned, &["name", "programme", "asked", "address", "recover"]),
    (Kind::AddressTaken, &["name", "programme", "sign_in", "recover"]),
    (Kind::AddressChanged, &["name", "programme", "former", "address"]),
    (Kind::AddressGivenUp, &["name", "programme", "former", "address", "link", "code", "until"]),
    (Kind::AccountLocked, &["name", "programme", "at", "reason"]),
    (Kind::AccountReinstated, &["name", "programme", "sign_in", "recover"]),
    (Kind::AccountIdle, &["name", "programme", "until", "sign_in", "recover"]),
    (Kind::TeamCredential, &["name", "programme", "team", "login", "credential", "link", "until"]),
    (Kind::ApplicationRefused, &["name", "programme", "team", "refusal"]),
    (Kind::ClassAwaited, &["name", "programme", "twinning", "team", "since", "todo", "link", "sign_in"]),
    (Kind::CentralTeamAwaited, &["name", "programme", "twinning", "since", "todo", "link", "sign_in"]),
    (Kind::Invitation, &["programme", "role", "link", "code", "until"]),
    (Kind::MandateGranted, &["name", "programme", "role", "link"]),
    (Kind::MandateRevoked, &["name", "programme", "role", "link"]),
    (Kind::TeacherConfirmed, &["name", "programme", "ground", "link"]),
    (Kind::ConfirmationEnded, &["name", "programme", "link"]),
    (Kind::SchoolAsked, &["programme", "teacher", "address", "school", "link", "code", "until"]),
    (Kind::WebhookDisabled, &["name", "programme", "system", "since"]),
    (Kind::MachineSecretMade, &["name", "programme", "system", "at", "recover"]),
    (Kind::ClassHandedOver, &["name", "programme", "team", "referent", "at"]),
    (Kind::SupportAdded, &["name", "programme", "team", "teacher", "at", "recover"]),
    (Kind::FactorEnrolled, &["name", "programme", "at", "recover"]),
    (Kind::FactorGivenUp, &["name", "programme", "at", "recover"]),
    (Kind::FactorReset, &["name", "programme", "at", "sign_in"]),
    (Kind::RecoveryCodeUsed, &["name", "programme", "at", "left", "recover"]),
    (Kind::PasskeyAdded, &["name", "programme", "at", "recover"]),
    (Kind::PasskeyRemoved, &["name", "programme", "at", "recover"]),
    (Kind::PasskeyCopied, &["name", "programme", "at", "recover"]),
    (Kind::ProviderLinked, &["name", "programme", "provider", "at", "recover"]),
    (Kind::ProviderUnlinked, &["name", "programme", "provider", "at", "recover"]),
];
