"""The public names of the package: `openvasa.NAME` is imported from its module on first use."""

from openvasa.errors import InputError as InputError
from openvasa.face.check import Finding as Finding
from openvasa.face.check import check_portrait as check_portrait
from openvasa.face.encode import load_portrait as load_portrait
from openvasa.face.latent import FaceLatent as FaceLatent
from openvasa.motion.amount import Amount as Amount
from openvasa.motion.controls import Controls as Controls
from openvasa.motion.controls import Curve as Curve
from openvasa.motion.idle import idle_motion as idle_motion
from openvasa.motion.loop import loop_motion as loop_motion
from openvasa.motion.motion import Motion as Motion
from openvasa.motion.settings import MotionSettings as MotionSettings
from openvasa.provenance.embed import WatermarkEmbedder as WatermarkEmbedder
from openvasa.provenance.marking import UNMARKED as UNMARKED
from openvasa.provenance.marking import Marking as Marking
from openvasa.provenance.read import read_watermark as read_watermark
from openvasa.video import Video as Video
from openvasa.video import animate as animate

__version__: str
