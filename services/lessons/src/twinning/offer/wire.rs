//! Offers as messages.

use platform::{Error, Id, Result, Violations, wire};
use proto::lessons::v1 as pb;

use super::{Language, Match, Offer, OfferDetails, OfferState, Why, store::Filter};

impl From<Offer> for pb::Offer {
    fn from(offer: Offer) -> Self {
        let wish = offer.wish;
        Self {
            id: offer.id.to_string(),
            track_id: offer.track.to_string(),
            side: Some(offer.side.into()),
            languages: wish.languages.into_iter().map(pb::Language::from).collect(),
            themes: wish.themes,
            class_size: wish.class_size,
            available_from: Some(wire::date(wish.from)),
            available_until: Some(wire::date(wish.until)),
            project_ids: wish.projects.iter().map(Id::to_string).collect(),
            note: wish.note,
            state: pb::OfferState::from(offer.state).into(),
            published_at: Some(wire::timestamp(offer.published_at)),
            etag: wire::etag(offer.version),
        }
    }
}

impl From<Language> for pb::Language {
    fn from(language: Language) -> Self {
        Self { tag: language.tag, level: language.level }
    }
}

impl From<pb::Language> for Language {
    fn from(language: pb::Language) -> Self {
        Self { tag: language.tag, level: language.level }
    }
}

impl From<OfferState> for pb::OfferState {
    fn from(state: OfferState) -> Self {
        match state {
            OfferState::Open => Self::Open,
            OfferState::Paired => Self::Paired,
            OfferState::Withdrawn => Self::Withdrawn,
        }
    }
}

impl From<Match> for pb::Match {
    fn from(found: Match) -> Self {
        let reasons = found.reasons.into_iter().map(|why| pb::MatchReason::from(why).into()).collect();
        Self { offer: Some(found.offer.into()), score: found.score, reasons }
    }
}

impl From<Why> for pb::MatchReason {
    fn from(why: Why) -> Self {
        match why {
            Why::SameProject => Self::SameProject,
            Why::CommonLanguage => Self::CommonLanguage,
            Why::CommonTheme => Self::CommonTheme,
            Why::CommonTime => Self::CommonTime,
            Why::SimilarSize => Self::SimilarSize,
            Why::LostTwin => Self::LostTwin,
        }
    }
}

impl TryFrom<pb::PublishOfferRequest> for OfferDetails {
    type Error = Error;

    fn try_from(request: pb::PublishOfferRequest) -> Result<Self> {
        Ok(Self {
            languages: request.languages.into_iter().map(Language::from).collect(),
            themes: request.themes,
            class_size: request.class_size,
            from: wire::to_date(&request.available_from.unwrap_or_default())?,
            until: wire::to_date(&request.available_until.unwrap_or_default())?,
            projects: request.project_ids.iter().map(|id| id.parse()).collect::<Result<_>>()?,
            note: request.note,
        })
    }
}

impl Offer {
    /// The details with the changes a request asks for. Error: `ETAG_STALE`, and a violation for each path of the mask that cannot be
    /// changed.
    pub(super) fn asked(&self, request: pb::UpdateOfferRequest) -> Result<OfferDetails> {
        let changes = wire::changes(&request, &pb::Offer::from(self.clone()))?;
        let offer = request.offer.unwrap_or_default();
        let mut wish = self.wish.clone();
        for path in changes {
            match path.as_str() {
                "languages" => wish.languages = offer.languages.iter().cloned().map(Language::from).collect(),
                "themes" => wish.themes.clone_from(&offer.themes),
                "class_size" => wish.class_size = offer.class_size,
                "available_from" => wish.from = wire::to_date(&offer.available_from.unwrap_or_default())?,
                "available_until" => wish.until = wire::to_date(&offer.available_until.unwrap_or_default())?,
                "project_ids" => {
                    wish.projects = offer.project_ids.iter().map(|id| id.parse()).collect::<Result<_>>()?
                }
                _ => wish.note.clone_from(&offer.note),
            }
        }
        Ok(wish)
    }
}

/// The id of the offer to change. Error: a violation where it is missing.
pub(super) fn named(request: &pb::UpdateOfferRequest) -> Result<Id<Offer>> {
    if let Ok(id) = request.offer.as_ref().map(|offer| offer.id.as_str()).unwrap_or_default().parse() {
        return Ok(id);
    }
    let mut violations = Violations::new();
    violations.missing("offer.id", "Say which one is to be changed, by its id.");
    violations.done().and(Err(Error::not_found("offer")))
}

impl TryFrom<&pb::ListOffersRequest> for Filter {
    type Error = Error;

    fn try_from(request: &pb::ListOffersRequest) -> Result<Self> {
        let state = match request.state() {
            pb::OfferState::Unspecified | pb::OfferState::Open => None,
            pb::OfferState::Paired => Some(OfferState::Paired),
            pb::OfferState::Withdrawn => Some(OfferState::Withdrawn),
        };
        let track = wire::optional(&request.track_id)?;
        Ok(Self { state, home: request.home.clone(), territory: request.territory.clone(), track })
    }
}
