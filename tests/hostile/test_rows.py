"""Every hostile input that is known, with what it must get and the tests that hold it: the map, and that it is true."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

TESTS = Path(__file__).resolve().parents[1]


class Row(NamedTuple):
    """An input, what it must get, and who holds it: `file::test`."""

    what: str
    gets: str
    held_by: tuple[str, ...]


def _in(file: str, *tests: str) -> tuple[str, ...]:
    return tuple(f"{file}::{test}" for test in tests)


FILES, TEXTS, SERVED, APART = (f"hostile/test_{name}.py" for name in ("files", "texts", "served", "apart"))
BROWSER, FORMATS, WEB, LOAD = (
    *(
        "browser/test_hostile.py",
        "index/parsers/test_parsers.py",
        "index/ingest/test_fetch.py",
        "index/ingest/test_loader.py",
    ),
)
NO_QUESTION = "test_what_is_no_question_is_refused_with_a_reason"

ROWS: dict[str, Row] = {
    "H01": Row(
        "a question without words: nothing, blanks, emoji",
        "refused with what to do; no model is asked",
        _in("rag/test_assistant.py", "test_a_question_without_words_is_refused") + _in(SERVED, NO_QUESTION),
    ),
    "H02": Row(
        "a question that is far too long",
        "refused by the server before it is embedded",
        _in("rag/test_assistant.py", "test_a_question_that_is_too_long_is_refused_before_it_is_embedded")
        + _in(SERVED, NO_QUESTION),
    ),
    "H03": Row(
        "NUL, half characters, overrides, zero width in a question",
        "cleaned or refused, never an error of the server",
        _in("rag/test_assistant.py", "test_broken_characters_in_a_question_break_nothing")
        + _in(SERVED, "test_a_question_of_odd_characters_is_answered"),
    ),
    "H04": Row("null, numbers and lists where a text belongs", "a plain refusal", _in(SERVED, NO_QUESTION)),
    "H05": Row(
        "megabytes of JSON, JSON nested without end",
        "413 or 400",
        _in(SERVED, "test_twenty_megabytes_are_not_taken_in", NO_QUESTION),
    ),
    "H06": Row(
        "forty questions at once",
        "answered, or sent away for a moment; lists are read meanwhile",
        _in(SERVED, "test_forty_at_once_are_answered_or_sent_away_and_readers_of_the_list_are_not"),
    ),
    "H07": Row(
        "a question that asks for the prompt",
        "an answer like any other, without the prompt",
        _in(TEXTS, "test_a_question_that_asks_for_the_prompt_is_a_question_like_any_other"),
    ),
    "H08": Row(
        "an article that gives orders",
        "it is quoted text; the answer does not change",
        _in(TEXTS, "test_an_instruction_in_an_article_is_quoted_text_and_changes_no_answer")
        + _in("rag/test_prompts.py", "test_an_article_cannot_end_its_fence"),
    ),
    "H09": Row(
        "an article that asks politely",
        "the same: nothing depends on telling orders from prose",
        _in(TEXTS, "test_an_instruction_in_an_article_is_quoted_text_and_changes_no_answer"),
    ),
    "H10": Row(
        "hidden text: comments, scripts, zero width",
        "left out of the article, or shown as it stands",
        _in(
            FILES,
            "test_what_a_page_hides_in_comments_scripts_and_styles_is_not_read",
            "test_a_text_of_anything_is_read_whole",
        ),
    ),
    "H11": Row(
        "pictures, sounds and links of other servers in an article",
        "no request leaves the page",
        _in(BROWSER, "test_an_article_and_an_answer_stay_text_while_they_come_and_after"),
    ),
    "H12": Row(
        "markup in titles, names and errors",
        "shown as it is written, everywhere",
        _in(
            BROWSER,
            "test_a_question_and_the_title_of_its_conversation_stay_text",
            "test_an_error_stays_text",
            "test_the_library_shows_titles_outlets_and_names_of_files_as_text",
            "test_what_is_taken_along_is_text",
        ),
    ),
    "H13": Row(
        "templates and code in titles and texts",
        "text; nothing runs",
        _in(BROWSER, "test_questions_to_start_and_to_go_on_with_stay_text")
        + _in("ui/chat/render/test_view.py", "test_hostile_text_is_shown_as_text_wherever_it_stands"),
    ),
    "H14": Row(
        "addresses that are scripts or data, bare addresses",
        "no link",
        _in(BROWSER, "test_the_original_is_linked_exactly_and_only_where_it_is_on_the_web")
        + _in(BROWSER, "test_a_source_is_no_way_to_another_link"),
    ),
    "H15": Row(
        "an article with citations and ids of the page's own",
        "no element, no id",
        _in(BROWSER, "test_a_marker_is_a_link_only_where_the_passage_was_given_and_says_it")
        + _in(TEXTS, "test_markup_of_our_own_in_an_article_is_text"),
    ),
    "H16": Row(
        "an answer with markers of every kind and number",
        "those that there are are linked, others are text or go, and are counted",
        _in(
            "rag/generation/test_citation_parser.py",
            "test_every_way_to_write_a_marker_becomes_one_way",
            "test_a_marker_out_of_range_is_removed_and_counted",
            "test_other_brackets_are_text",
        ),
    ),
    "H17": Row(
        "a citation of a passage that does not say it",
        "told to be unsupported",
        _in("rag/test_assistant.py", "test_what_an_llm_writes_is_checked_sentence_by_sentence")
        + _in("ui/chat/render/test_view.py", "test_each_sentence_says_in_a_word_how_well_it_is_supported")
        + _in(TEXTS, "test_what_only_an_instruction_in_an_article_says_is_not_cited_to_another"),
    ),
    "H18": Row(
        "a quotation that is not word for word",
        "not called one",
        _in("rag/grounding/test_support.py", "test_what_is_not_there_word_for_word_is_no_quote"),
    ),
    "H19": Row(
        "numbers in brackets in an article",
        "no citation",
        _in(BROWSER, "test_what_an_article_has_in_brackets_cites_nothing")
        + _in("rag/test_prompts.py", "test_an_articles_own_footnotes_cannot_pass_for_our_numbers"),
    ),
    "H20": Row(
        "articles of one title, one text, one address",
        "told apart by their texts; one text is one article with all its places",
        _in(TEXTS, "test_two_articles_with_one_title_are_two")
        + _in("index/ingest/test_sync.py", "test_one_text_from_two_sites_names_both"),
    ),
    "H21": Row(
        "addresses of one's own network in every spelling, redirects to it, names that change, slow and endless pages",
        "refused; looked at again after each redirect; one answer of the name server; size and time bounded",
        _in(
            WEB,
            "test_an_ip_address_that_means_something_else_elsewhere_is_not_public",
            "test_a_server_of_this_machine_is_not_asked_however_it_is_spelled",
            "test_nor_where_the_spelling_is_none_that_every_system_knows",
            "test_a_name_is_resolved_once_so_that_no_second_answer_leads_elsewhere",
            "test_a_name_with_one_private_address_among_public_ones_is_refused",
            "test_a_redirect_into_a_private_network_is_not_followed",
            "test_only_plain_addresses_of_the_web_are_followed_to",
            "test_an_address_with_a_user_or_of_another_kind_is_refused",
            "test_a_server_that_drips_its_headers_is_left_in_time",
            "test_the_ports_of_other_servers_are_not_spoken_to",
            "test_a_body_that_drips_or_is_too_large_is_left",
            "test_a_page_that_is_sent_packed_without_end_is_left",
            "test_an_encoding_that_a_server_makes_up_is_not_believed",
        )
        + _in("ui/chat/test_library.py", "test_links_are_off_until_they_are_switched_on"),
    ),
    "H22": Row(
        "archives that are bombs, nested, or lead out of themselves",
        "refused by count, ratio and size; a member's name is never a path",
        _in(
            FORMATS,
            "test_a_zip_bomb_is_skipped_before_it_is_unpacked",
            "test_an_archive_of_too_many_files_is_skipped_as_a_whole",
            "test_archives_inside_archives_end_at_the_second",
            "test_a_member_whose_path_leads_out_of_its_archive_is_skipped_and_the_others_are_read",
        )
        + _in(FILES, "test_a_link_in_an_archive_is_the_text_that_it_holds_and_leads_nowhere"),
    ),
    "H23": Row(
        "PDFs that are encrypted, endless, bombs, damaged or pictures",
        "each refused with its reason, within the limits of a process of its own",
        _in(
            FORMATS,
            "test_a_pdf_that_needs_a_password_is_skipped_with_that_reason",
            "test_a_scanned_pdf_is_skipped_with_that_reason",
        )
        + _in(
            FILES,
            "test_a_pdf_of_ten_thousand_pages_is_refused",
            "test_a_pdf_that_unpacks_without_end_is_refused",
            "test_a_pdf_whose_tables_lead_in_a_circle_is_refused",
        )
        + _in(
            APART,
            "test_a_file_that_takes_too_long_is_refused_and_the_next_is_read",
            "test_a_file_that_takes_too_much_of_the_processor_is_refused_and_the_next_is_read",
            "test_a_file_that_needs_too_much_memory_is_refused_and_the_next_is_read",
        ),
    ),
    "H24": Row(
        "files of another kind than they say, of any encoding, without text",
        "found out, and told file by file",
        _in(
            LOAD,
            "test_a_bad_file_is_refused_with_a_reason_and_stops_none_of_the_others",
            "test_the_encoding_is_found_out",
            "test_latin_1_is_read_right",
        )
        + _in(FORMATS, "test_a_hostile_file_is_skipped_with_its_reason"),
    ),
    "H25": Row(
        "names of files with ways out, controls, markup",
        "kept under a safe name, shown as text",
        _in(
            "ui/chat/test_library.py",
            "test_a_name_that_a_stranger_chose_does_no_harm",
            "test_a_name_with_hostile_parts_is_kept_inside_the_folder",
        )
        + _in(FILES, "test_a_file_of_any_name_is_read_and_its_name_is_one_line"),
    ),
    "H26": Row(
        "cells that a spreadsheet would run",
        "guarded where they are written",
        _in("rag/evaluate/testset/test_tables.py", "test_a_spreadsheet_runs_nothing_that_a_test_set_says"),
    ),
    "H27": Row(
        "forged events, histories and payloads",
        "ignored or refused: what counts is on the server",
        _in("ui/test_server.py", "test_the_handlers_trust_nothing_that_a_browser_sends")
        + _in(SERVED, "test_a_forged_history_has_no_role_of_its_own"),
    ),
    "H28": Row(
        "other hosts, other origins, forms of other sites",
        "400, no leave to read, refused",
        _in(
            SERVED,
            "test_a_host_name_that_somebody_points_here_is_refused",
            "test_a_page_of_another_site_may_not_ask",
            "test_what_a_form_of_another_site_can_send_is_refused",
        ),
    ),
    "H29": Row(
        "paths to files of the machine",
        "403 or 404",
        _in(SERVED, "test_no_path_leads_out_of_the_articles", "test_no_file_of_the_machine_is_served"),
    ),
    "H30": Row(
        "addresses of the framework's own",
        "no key in them, or not there",
        _in(SERVED, "test_nothing_that_is_served_holds_a_key_or_a_folder_of_the_machine")
        + _in("ui/test_server.py", "test_what_the_chat_does_not_need_is_not_served"),
    ),
    "H31": Row(
        "a click on a source that was never given",
        "not found; nothing is made of the id",
        _in(BROWSER, "test_a_forged_click_opens_nothing")
        + _in("ui/chat/render/test_view.py", "test_a_forged_citation_is_found_nowhere"),
    ),
    "H32": Row(
        "a key in the environment or in a server's error",
        "in no message, log or export",
        _in("rag/llms/test_loader.py", "test_the_value_of_a_key_variable_never_reaches_a_message")
        + _in(APART, "test_the_process_knows_no_key_and_may_write_and_start_nothing"),
    ),
    "H33": Row(
        "a question that would forge a line of the log",
        "none is forged",
        _in(SERVED, "test_a_question_of_odd_characters_is_answered"),
    ),
    "H34": Row(
        "a model that is down, slow, cut off, silent, endless",
        "told, bounded, what was written is kept",
        _in(
            "rag/llms/test_llm_faults.py",
            "test_a_server_that_takes_the_question_and_says_nothing_is_given_up",
            "test_what_was_said_before_the_line_went_dead_is_kept_and_checked",
        )
        + _in(
            "rag/llms/test_retry.py",
            "test_a_model_that_takes_too_long_in_all_is_stopped",
            "test_a_model_that_has_lost_its_way_is_stopped",
        ),
    ),
    "H35": Row(
        "a reader who leaves in the middle",
        "the work ends, the place is free",
        _in("ui/chat/test_leaving.py", "test_who_closes_the_tab_or_stops_makes_room_for_who_waits"),
    ),
    "H36": Row(
        "an index of another model",
        "refused until it is rebuilt",
        _in("index/test_index.py", "test_an_index_of_another_model_is_refused_until_it_is_rebuilt"),
    ),
    "H37": Row(
        "one text two hundred times, one article stuffed with a question",
        "one article; no more than half of what is found while others have anything to show",
        _in(
            TEXTS,
            "test_two_hundred_copies_of_a_text_are_one_article",
            "test_an_article_that_is_stuffed_with_a_question_does_not_hide_the_others",
        )
        + _in("index/retrieval/test_deduplicate.py", "test_one_article_does_not_crowd_out_the_others"),
    ),
    "H38": Row(
        "a question about nothing in the articles, or about what never was",
        "silence with the nearest passages",
        _in(
            "rag/reading/test_abstention.py",
            "test_off_topic_questions_are_all_refused",
            "test_false_premises_are_answered_with_doubt_in_part_though_nearer_than_anything_off_topic",
        )
        + _in(
            "ui/chat/render/test_view.py",
            "test_an_answer_that_the_articles_do_not_give_has_no_citation_but_the_nearest_passages",
        ),
    ),
    "H39": Row(
        "books and presentations that are bombs, damaged, or name files that do not exist",
        "refused by part and with a reason; no entity is resolved",
        _in(
            "index/parsers/test_books.py",
            "test_a_book_that_unpacks_to_an_excessive_size_is_refused",
            "test_entities_that_multiply_or_name_a_file_are_not_resolved",
            "test_a_file_that_the_spine_names_and_the_book_lacks_is_skipped_with_its_name",
            "test_tables_in_tables_are_read_once",
        )
        + _in(
            "index/parsers/test_slides.py",
            "test_entities_that_multiply_are_not_multiplied",
            "test_a_damaged_presentation_is_skipped_with_its_reason_and_the_file_beside_it_is_read",
        ),
    ),
    "H40": Row(
        "feeds that are endless or circular, lead to private servers, or speak for other sites",
        "limits for each run; private links are skipped; a page of another server is read itself",
        _in(
            "index/ingest/test_feeds.py",
            "test_of_a_feed_of_a_hundred_thousand_entries_the_first_are_read",
            "test_an_index_of_sitemaps_that_leads_in_a_circle_ends",
            "test_a_link_to_a_private_server_is_not_followed_even_for_the_operator",
            "test_a_feed_of_a_user_leads_only_to_public_servers",
            "test_a_feed_cannot_replace_the_article_of_another_server",
        ),
    ),
}

FURTHER: tuple[tuple[str, str, str, str], ...] = (
    (
        "two members of an archive with one name",
        "both are read",
        FILES,
        "test_of_two_members_with_one_name_each_is_read_as_what_it_is",
    ),
    (
        "a member larger than it says",
        "not a byte more",
        FILES,
        "test_a_member_that_is_larger_than_it_says_gives_no_byte_more",
    ),
    ("members that lie over each other", "refused", FILES, "test_members_that_lie_over_each_other_are_refused"),
    (
        "an encrypted archive in an archive",
        "refused",
        FILES,
        "test_an_encrypted_archive_inside_an_archive_says_that_it_needs_a_password",
    ),
    ("ways of packing without a bound", "refused", FILES, "test_a_way_of_packing_that_has_no_bound_is_refused"),
    (
        "an archive that multiplies itself",
        "ends at the second",
        FILES,
        "test_an_archive_in_an_archive_in_an_archive_ends_though_it_holds_itself",
    ),
    (
        "tar with links and devices, gzip bombs",
        "not unpacked",
        FILES,
        "test_links_devices_and_packed_bombs_of_other_archives_are_never_unpacked",
    ),
    (
        "an archive that is cut off, or behind a program",
        "refused or read",
        FILES,
        "test_an_archive_that_is_cut_off_or_has_something_before_it_harms_nothing",
    ),
    ("a PDF whose pages hold themselves", "refused", FILES, "test_a_pdf_whose_pages_hold_themselves_is_refused"),
    ("a form that draws itself", "ends", FILES, "test_a_form_that_draws_itself_ends"),
    (
        "a Word document that names files and servers",
        "none is read",
        FILES,
        "test_a_word_document_takes_in_no_file_and_no_page",
    ),
    ("an OpenDocument that names a file", "it is not read", FILES, "test_an_open_document_takes_in_no_file"),
    ("entities that multiply in office documents", "refused", FILES, "test_entities_that_multiply_are_not_multiplied"),
    (
        "office documents nested without end",
        "refused",
        FILES,
        "test_an_office_document_that_is_nested_without_end_is_refused",
    ),
    (
        "rich text of a hundred thousand groups",
        "read or refused",
        FILES,
        "test_rich_text_in_a_hundred_thousand_groups_is_read_or_refused",
    ),
    (
        "a page nested a hundred thousand deep",
        "read or refused",
        FILES,
        "test_a_page_that_is_nested_a_hundred_thousand_deep_is_no_danger",
    ),
    ("entities that multiply on a page", "text", FILES, "test_entities_of_a_page_that_multiply_are_text"),
    (
        "a message of ten thousand nested parts",
        "read or refused",
        FILES,
        "test_a_message_of_ten_thousand_nested_parts_is_read_or_refused",
    ),
    ("a line break in a header", "adds none", FILES, "test_a_line_break_in_a_header_adds_no_other_one"),
    ("an archive attached to a message", "not opened", FILES, "test_what_is_attached_to_a_message_is_not_opened"),
    ("encodings that are none of text", "not believed", FILES, "test_an_encoding_that_is_none_of_text_is_not_believed"),
    (
        "one line of millions, long runs of accents, emoji, overrides",
        "read whole",
        FILES,
        "test_a_text_of_anything_is_read_whole",
    ),
    (
        "a title that turns its line around",
        "it does not",
        FILES,
        "test_a_title_that_turns_the_line_around_turns_nothing_else_around",
    ),
    (
        "front matter that is nested, enormous, or code",
        "refused or read",
        FILES,
        "test_front_matter_that_means_harm_does_none",
    ),
    (
        "front matter that merges itself",
        "read at once",
        LOAD,
        "test_front_matter_that_merges_itself_again_and_again_is_read_at_once",
    ),
    (
        "links in an indexed folder",
        "folders are not entered",
        FILES,
        "test_a_link_in_a_folder_is_followed_and_to_nothing_is_told",
    ),
    (
        "pipes, sockets and devices in a folder",
        "passed over",
        FILES,
        "test_pipes_sockets_and_devices_in_a_folder_are_passed_over",
    ),
    (
        "a pipe in the place of a file",
        "not waited for",
        FILES,
        "test_a_pipe_that_takes_the_place_of_a_file_is_not_waited_for",
    ),
    ("a file that goes while it is read", "told", FILES, "test_a_file_that_goes_while_its_folder_is_read_is_told"),
    (
        "a file that grows while it is read",
        "bounded",
        FILES,
        "test_a_file_that_grows_while_it_is_read_is_read_no_further_than_its_limit",
    ),
    (
        "a file of ten gigabytes of nothing",
        "refused unread",
        FILES,
        "test_a_file_of_ten_gigabytes_of_nothing_is_refused_unread",
    ),
    (
        "a file that crashes its reader",
        "refused; the next is read",
        APART,
        "test_a_file_that_makes_its_reader_crash_is_refused_and_the_next_is_read",
    ),
    (
        "an archive full of files that never end",
        "left after three",
        APART,
        "test_an_archive_full_of_such_files_is_left",
    ),
    (
        "a reader that a file has taken over",
        "no pickle, no forged types",
        APART,
        "test_an_answer_that_is_none_is_told_apart",
    ),
    (
        "a document that claims to lie elsewhere",
        "refused",
        APART,
        "test_a_document_cannot_claim_to_lie_in_another_file",
    ),
    (
        "a name in letters that look alike",
        "not vouched for",
        TEXTS,
        "test_a_name_in_letters_that_look_alike_is_not_vouched_for",
    ),
    (
        "a question of one word of 2,000 characters",
        "answered",
        TEXTS,
        "test_a_question_of_one_word_without_end_is_answered",
    ),
    ("a number larger than any", "read", TEXTS, "test_a_number_larger_than_any_is_read"),
    (
        "texts that make patterns backtrack",
        "cut in time",
        TEXTS,
        "test_fifty_thousand_characters_of_anything_are_cut_into_passages_in_time",
    ),
    ("a run of blanks without end on a page", "read in time", TEXTS, "test_a_run_of_blanks_on_a_page_is_read_in_time"),
    ("an article of nothing but numbers", "searched", TEXTS, "test_an_article_of_nothing_but_numbers_is_searched"),
    (
        "a key that stands twice in JSON",
        "refused or one of both",
        SERVED,
        "test_a_question_that_is_said_twice_is_one_of_both",
    ),
    ("headers that would change the method", "ignored", SERVED, "test_a_header_does_not_change_what_is_done"),
    ("a query or a header without end", "refused", SERVED, "test_a_query_or_a_header_without_end_is_refused"),
    (
        "requests that two servers read differently",
        "one refusal",
        SERVED,
        "test_two_servers_could_not_read_one_request_as_two",
    ),
    ("what is no request", "refused", SERVED, "test_what_is_no_request_is_refused"),
    ("bodies that never end", "nobody waits", SERVED, "test_bodies_that_never_end_keep_nobody_waiting"),
    ("a body shorter than it says", "no question", SERVED, "test_a_body_that_is_shorter_than_it_says_is_no_question"),
    (
        "files that are nearly right",
        "read or refused",
        "hostile/test_mutants.py",
        "test_a_file_that_is_nearly_right_does_no_harm",
    ),
    (
        "a JSON body of very many values",
        "refused before it is parsed",
        "ui/security/test_request_guard.py",
        "test_no_parser_gets_a_body_of_very_many_values",
    ),
    (
        "a body that arrives slowly, so that its revoked key is not checked",
        "disconnected",
        "ui/security/test_middleware.py",
        "test_is_disconnected_while_it_sends_a_byte_at_a_time",
    ),
    (
        "months and names of measures in letters that only look like ASCII letters",
        "read as text",
        "hostile/test_letters.py",
        "test_letters_that_only_look_like_those_of_a_word_are_read_as_text",
    ),
    (
        "hundreds of thousands of lines of boilerplate",
        "one span",
        "index/text/test_boilerplate.py",
        "test_lines_of_boilerplate_with_only_white_space_between_them_are_one_span",
    ),
    (
        "an article of millions of lines",
        "it can be stopped, and uploads are limited",
        "index/text/test_boilerplate.py",
        "test_work_on_very_many_lines_can_be_stopped",
    ),
    (
        "a very long article that is cited",
        "the part around the passage is shown",
        "ui/chat/render/test_long.py",
        "test_of_a_very_long_article_the_part_around_the_cited_passage_is_shown",
    ),
    (
        "a path with control characters",
        "refused",
        "ui/security/test_request_guard.py",
        "test_a_path_with_a_control_character_is_refused",
    ),
    (
        "a table whose first line is full of quotation marks",
        "its separator is counted, not guessed",
        "rag/evaluate/testset/test_tables.py",
        "test_a_first_line_of_very_many_quotation_marks_is_refused",
    ),
    (
        "evidence of one letter that occurs thousands of times",
        "not searched to the end",
        "rag/evaluate/testset/test_evidence.py",
        "test_evidence_that_stands_everywhere_is_not_searched_to_the_end",
    ),
    (
        "a question of a test set with very many items",
        "refused by its line",
        "rag/evaluate/testset/test_cases.py",
        "test_a_case_has_a_limit_on_its_items_and_the_line_that_breaks_it_is_named",
    ),
    (
        "a letter with very many accents",
        "normalized piece by piece",
        "index/retrieval/test_bm25.py",
        "test_no_long_text_is_normalized_at_once",
    ),
    (
        "questions of one user in all ways at once",
        "four; the next turn is another's",
        "ui/security/test_page_calls.py",
        "test_a_user_who_asks_in_all_ways_at_once_leaves_the_next_turn_to_another",
    ),
    (
        "removals while others add articles",
        "one waits, for a moment",
        "ui/chat/test_removals.py",
        "test_of_several_removals_only_one_waits",
    ),
)

ROWS |= {f"H{n}": Row(what, gets, _in(file, test)) for n, (what, gets, file, test) in enumerate(FURTHER, start=39)}


@cache
def _tests_of(file: str) -> set[str]:
    tree = ast.parse((TESTS / file).read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("row", ROWS)
def test_every_hostile_input_is_held_by_tests_that_there_are(row: str) -> None:
    assert ROWS[row].held_by
    for held_by in ROWS[row].held_by:
        file, _, test = held_by.partition("::")
        assert test in _tests_of(file), held_by


def test_the_rows_are_numbered_through() -> None:
    assert list(ROWS) == [f"H{number:02}" for number in range(1, len(ROWS) + 1)]
