"""What is wrong with a form, in the reader's language."""

from __future__ import annotations

from app.pages.catalogue import translations


def error_text(language: str, code: str) -> str:
    """The sentence for a code."""
    gettext = translations(language).gettext
    texts = {
        "number_missing": gettext("Enter the number of your order. It is in the e-mail that confirmed it."),
        "email_missing": gettext("Enter your e-mail address, such as name@example.com."),
        "not_found": gettext(
            "We found no order with this number and this e-mail address. Please check both; use the e-mail address "
            "with which you ordered."
        ),
        "store_down": gettext("We cannot look up orders at the moment. Please try again in a few minutes."),
        "too_often": gettext("This was tried too often. Please wait some minutes before you try again."),
        "units_not_free": gettext("You can return fewer of this article than you chose."),
        "nothing_chosen": gettext("Choose at least one article that you want to return."),
        "units_gone": gettext("Some of these articles are in another return by now. Please choose again."),
        "reason_missing": gettext("Choose why you return this article."),
        "note_missing": gettext("Tell us in a few words what the reason is."),
        "variant_missing": gettext("Choose what you would like to have instead."),
        "remedy_missing": gettext("Choose what you would like to have."),
        "changed_meanwhile": gettext("Something was changed in another window. Please check everything once more."),
        "photo_not_readable": gettext("One of the files is no photo that we can read. JPEG, PNG, WebP and HEIC work."),
        "photo_too_large": gettext("One of the photos is too large. Please choose a smaller one."),
        "photos_too_many": gettext("These are too many photos. Please choose the best ones."),
        "evidence_missing": gettext("Choose a photo, or write an answer."),
        "tracking_missing": gettext("Enter the tracking number from your proof of posting: letters and digits."),
        "appeal_missing": gettext("Tell us why we should look at it again."),
        "nothing_changed": gettext("You have changed nothing yet."),
        "all_removed": gettext("If you want to return nothing of it any more, cancel the return instead."),
    }
    return texts[code]
