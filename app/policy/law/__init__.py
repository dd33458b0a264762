"""What the law asks: packs of figures as data, and pure functions over them. Drafts that need counsel; no legal advice.

- `assess.assess(facts: LawFacts, version: str | None = None) -> LegalView`: what the law gives a customer, until when;
  `version` asks the packs that a case was pinned to.
- `library.laws_for(country, region) -> tuple[Law, ...]`: the candidate laws; `shipped().laws()`: all.
- `surcharge.surcharge(version, right, amount, due_at, now, country=None) -> Surcharge`: what a late refund costs, under
  the laws that `LegalView.version` (kept on the case) names.
- `labels.labels(law, locale) -> Labels | None`: the wording of the EU withdrawal function.
- `calendar`: counting days.
"""
