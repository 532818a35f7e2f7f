"""N-GET: what is known of one step. Source: PS3.4 CC.2.7."""

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag
from pynetdicom.events import Event

from screening.db.session import Database
from screening.db.tables.procedure_steps import ProcedureStep
from screening.domain.procedure_step import StepState, UpsStatus
from screening.ups.answers import Answer, RefusedError, title_of
from screening.ups.steps.attributes import Terms, step_data_set
from screening.ups.steps.content import read_content
from screening.ups.steps.turns import Step, holder_of, named_steps


class Getter:
    """Answers questions for single steps from one database."""

    def __init__(self, database: Database, terms: Terms) -> None:
        self._database = database
        self._terms = terms

    def get(self, event: Event) -> Answer:
        """Return the attributes that are asked for, all where the request names none.

        What is shown to whoever has claimed the step is remembered: they may complete no other.
        Raises RefusedError and DatabaseUnavailableError.
        """
        uid = str(event.request.RequestedSOPInstanceUID)
        with self._database.read() as session:
            steps = named_steps(session, [uid])
            if not steps:
                raise RefusedError(UpsStatus.NO_SUCH_STEP)
            [step] = steps
            study = step.entry.study_instance_uid
            content = read_content(session, [study])[study]
        self._note_shown(step, title_of(event))
        return _asked_for(event, step_data_set(step, self._terms, content))

    def _note_shown(self, step: Step, calling_ae_title: str) -> None:
        holder, shown = holder_of(step.told), step.entry.instances
        is_theirs = holder is not None and holder.calling_ae_title == calling_ae_title
        if step.told is None or not is_theirs or step.state is not StepState.IN_PROGRESS:
            return
        if step.told.images_shown != shown:
            with self._database.write() as session:
                session.get_one(ProcedureStep, step.told.id).images_shown = shown


def _asked_for(event: Event, data_set: Dataset) -> Answer:
    tags = event.request.AttributeIdentifierList
    if not tags:
        return UpsStatus.SUCCESS, data_set
    wanted = [Tag(tag) for tag in (tags if isinstance(tags, list | tuple) else [tags])]
    made = Dataset()
    for tag in wanted:
        if tag in data_set:
            found: DataElement = data_set[tag]
            made.add(found)
    if "SpecificCharacterSet" in data_set:
        made.SpecificCharacterSet = data_set.SpecificCharacterSet
    is_whole = all(tag in data_set for tag in wanted)
    return UpsStatus.SUCCESS if is_whole else UpsStatus.ATTRIBUTES_NOT_SUPPORTED, made
