"""The first page: to each what they may see."""

from django.urls import reverse

from tests.pages.conftest import make_run, make_vacancy, query_count

INDEX = reverse("admin:index")
START = reverse("admin:loadlab_run_add")


class TestStock:
    def test_real_stock_is_shown_with_numbers(self, operator_client):
        make_vacancy(capacity=1200, sold=300)
        make_vacancy(name="Rehearsal of run 1", is_rehearsal=True)

        text = operator_client.get(INDEX).content.decode()

        assert "300 sold, 0 held of 1,200" in text
        assert "Rehearsal of run 1" not in text

    def test_rows_end_at_twenty_with_a_link_to_all(self, operator_client):
        for number in range(21):
            make_vacancy(name=f"Event {number}")

        assert "All 21 vacancies" in operator_client.get(INDEX).content.decode()

    def test_empty_stock_says_what_to_do(self, operator_client):
        assert "Nothing to sell yet." in operator_client.get(INDEX).content.decode()

    def test_query_count_is_the_same_for_one_and_for_twenty_rows(self, operator_client):
        make_vacancy()
        make_run()
        before = query_count(operator_client, INDEX)

        for number in range(19):
            make_vacancy(name=f"Event {number}")
            make_run()

        assert query_count(operator_client, INDEX) == before


class TestRuns:
    def test_latest_five_are_shown(self, operator_client):
        runs = [make_run() for _ in range(6)]

        titles = [run["title"] for run in operator_client.get(INDEX).context["runs"]]

        assert titles == [f"{run.pk} Baseline" for run in runs[:0:-1]]


class TestPermissions:
    def test_staff_without_permissions_sees_neither(self, client_of, staff_with):
        make_vacancy(name="Gala")
        make_run()

        answer = client_of(staff_with()).get(INDEX)

        assert (answer.context["stock"], answer.context["runs"]) == (None, None)
        assert "Gala" not in answer.content.decode()

    def test_viewer_is_offered_no_start(self, client_of, staff_with):
        text = client_of(staff_with("view_vacancy", "view_run")).get(INDEX).content.decode()

        assert START not in text

    def test_operator_is_offered_a_start(self, operator_client):
        assert START in operator_client.get(INDEX).content.decode()


class TestSidebar:
    def test_only_one_entry_is_marked_on_a_nested_page(self, operator_client):
        navigation = operator_client.get(START).context["sidebar_navigation"]

        marked = [
            item["title"] for group in navigation for item in group["items"] if item["active"]
        ]
        assert marked == ["Start a rehearsal"]
