"""Lesson 09 in JupyterLab: all of it runs, the prompt box answers, the sculptor completes."""

from conftest import pixels

LESSON = "09_text_to_shape"


def test_lesson_09_runs_and_the_shipped_model_answers(lab, page):
    lab.open_lesson(page, f"{LESSON}.ipynb")
    lab.run_all(page, 600)
    assert lab.errors(page) == []

    prompt = page.locator(".jp-OutputArea .widget-text input").first
    prompt.scroll_into_view_if_needed()
    picture = page.locator(".jp-OutputArea .widget-vbox img").first
    picture.wait_for()
    before = pixels(picture)
    assert prompt.input_value() == "a round table on a pedestal"
    prompt.fill("a tall tree")
    prompt.press("Enter")
    for _ in range(90):  # a busy machine is slow
        page.wait_for_timeout(1000)
        if (changed := (pixels(picture) != before).any(-1).mean()) > 0.05:
            break
    assert changed > 0.05
    lab.keep(page, f"{LESSON}-prompt-box")

    complete = page.get_by_role("button", name="Complete", exact=True)
    complete.scroll_into_view_if_needed()
    page.locator(".nts-stage canvas").wait_for()
    assert page.locator(".nts-offer").count() == 4  # those that the lesson asked for
    page.locator(".nts-offer").nth(0).click()
    complete.click()
    page.get_by_text("4 proposals in").wait_for()
    page.wait_for_timeout(1000)
    lab.keep(page, f"{LESSON}-sculptor")
    with page.expect_download() as download:
        page.get_by_role("button", name="Save .glb", exact=True).click()
    assert download.value.suggested_filename.endswith(".glb")
    assert lab.errors(page) == []
    assert page.console_errors == []
