//! The rules, by name.

use std::fmt;

/// What a finding does to a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// It is not to be deployed.
    Refusal,
    /// Somebody should know.
    Warning,
}

/// What a deployment is looked at for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// A layer, and no full manifest below it.
    NoBase,
    /// A value that the agent or the hub does not take.
    BadValue,
    /// `createOptions` that the agent cannot put together.
    CreateOptions,
    /// A secret that anybody can read who has the document.
    Secret,
    /// The counting module is not there.
    ModuleMissing,
    /// A route that edgeHub does not compile.
    BadRoute,
    /// A route that takes pictures, or may take them, to IoT Hub.
    PicturesUpstream,
    /// A route that brings the module its own reports as pictures.
    CountsReturn,
    /// No pictures come, or no counts go.
    RouteMissing,
    /// A route to a module that is not there.
    InputUnknown,
    /// What waits in edgeHub ends with its container.
    HubStorage,
    /// Counts end with the module's container.
    LedgerVolume,
    /// A message is dropped earlier than was promised.
    TimeToLive,
    /// edgeAgent or edgeHub of a version without support.
    SystemImageOld,
    /// A version of edgeHub that may leave a client without an answer.
    HubMayHang,
    /// An image whose version cannot be told.
    SystemImageUnknown,
    /// A module of somebody else gets pictures.
    PicturesElsewhere,
    /// A value that looks like a secret by its name, in a built manifest.
    SecretReadable,
    /// A document below the base is without effect.
    BelowBase,
}

impl Rule {
    /// All of them.
    pub const ALL: [Self; 19] = [
        Self::NoBase,
        Self::BadValue,
        Self::CreateOptions,
        Self::Secret,
        Self::ModuleMissing,
        Self::BadRoute,
        Self::PicturesUpstream,
        Self::CountsReturn,
        Self::RouteMissing,
        Self::InputUnknown,
        Self::HubStorage,
        Self::LedgerVolume,
        Self::TimeToLive,
        Self::SystemImageOld,
        Self::HubMayHang,
        Self::SystemImageUnknown,
        Self::PicturesElsewhere,
        Self::SecretReadable,
        Self::BelowBase,
    ];

    /// Its name, as findings and the documentation have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::NoBase => "no-base",
            Self::BadValue => "bad-value",
            Self::CreateOptions => "create-options",
            Self::Secret => "secret",
            Self::ModuleMissing => "module-missing",
            Self::BadRoute => "bad-route",
            Self::PicturesUpstream => "pictures-upstream",
            Self::CountsReturn => "counts-return",
            Self::RouteMissing => "route-missing",
            Self::InputUnknown => "input-unknown",
            Self::HubStorage => "hub-storage",
            Self::LedgerVolume => "ledger-volume",
            Self::TimeToLive => "time-to-live",
            Self::SystemImageOld => "system-image-old",
            Self::HubMayHang => "hub-may-hang",
            Self::SystemImageUnknown => "system-image-unknown",
            Self::PicturesElsewhere => "pictures-elsewhere",
            Self::SecretReadable => "secret-readable",
            Self::BelowBase => "below-base",
        }
    }

    /// Whether a deployment is refused for it.
    pub fn severity(self) -> Severity {
        match self {
            Self::NoBase
            | Self::BadValue
            | Self::CreateOptions
            | Self::Secret
            | Self::ModuleMissing
            | Self::BadRoute
            | Self::PicturesUpstream
            | Self::CountsReturn
            | Self::RouteMissing
            | Self::InputUnknown
            | Self::HubStorage
            | Self::LedgerVolume
            | Self::TimeToLive
            | Self::SystemImageOld => Severity::Refusal,
            Self::HubMayHang
            | Self::SystemImageUnknown
            | Self::PicturesElsewhere
            | Self::SecretReadable
            | Self::BelowBase => Severity::Warning,
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
