"""Whatever is wrong with the cells and the responses of a study is reported before the first run."""

from meshquake.ensembles import study_check
from tests.station import study


def test_all_that_is_wrong_with_cells_and_responses_is_told_at_once_and_once():
    one = study(
        *("services.wbe.workers=1,2", "services.wbe.replicas=1..9:9", "rate=10/s,never", "services.web.workers=1,0"),
        asked=["max(queue_dept) of web", "entry.error_rate"],
        assignments=("nothing=1",),
    )
    told = [str(each) for each in study_check.problems(one, "--")]
    assert {text.split(": ")[0] for text in told} == {
        "--response max(queue_dept) of web",
        "--set nothing=1",
        "--vary services.wbe.workers=1,2",
        "--vary services.wbe.replicas=1,2,3,4,...",
        "--vary rate=never",
    }
    assert len(told) == 5
