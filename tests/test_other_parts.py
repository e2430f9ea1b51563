"""Another speech encoder and another motion model, through the doors that the shipped ones use."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from other_parts import EnergyEncoder, JawModel

from openvasa import InputError, Video, load_portrait
from openvasa.assets import EXAMPLE_PORTRAIT, EXAMPLE_VOICE
from openvasa.audio.decode import read_blocks
from openvasa.data.prepare import check_cache_encoder
from openvasa.data.voices import LIVE_CONTEXT, LIVE_FRAMES, make_voice
from openvasa.face.dynamics import dynamics_code, lip_gap
from openvasa.live.assemble import assemble_engine
from openvasa.motion.articulation import articulation_reader
from openvasa.motion.row import Row
from openvasa.motion.speech_motion import SpeechMotion
from openvasa.rates import FRAME_SAMPLES, SAMPLE_RATE


def gaps(rows: np.ndarray) -> np.ndarray:
    return Row.split(rows).codes @ lip_gap(dynamics_code().basis)


def test_a_video_and_a_stream_by_another_model() -> None:
    face = load_portrait(EXAMPLE_PORTRAIT)
    video = Video(face, EXAMPLE_VOICE, EXAMPLE_VOICE, model=JawModel(), seconds_limit=1.2)
    assert sum(1 for _ in video) == video.frame_count == 30
    rows = np.concatenate(list(video.rows()))
    assert gaps(rows).max() > gaps(rows).min() + 0.2
    engine = assemble_engine(model=JawModel())
    speech = np.concatenate(list(read_blocks(EXAMPLE_VOICE)))[: 2 * SAMPLE_RATE]
    engine.push(speech, SAMPLE_RATE)
    spoken = np.array([frame.row for step in range(30) for frame in engine.advance(step / 20)])
    assert gaps(spoken).max() > gaps(spoken).min() + 0.2


def test_shipped_weights_and_caches_refuse_another_encoder(tmp_path: Path) -> None:
    deaf = SpeechMotion(encoder=EnergyEncoder())
    with pytest.raises(InputError, match=r"motion network: .*moonshine-tiny.*energy"):
        next(deaf.frames([np.zeros(SAMPLE_RATE, np.float32)]))
    with pytest.raises(InputError, match="motion network"):
        deaf.live(2, 1)
    with pytest.raises(InputError, match="articulation reader"):
        articulation_reader().check_hears(EnergyEncoder())
    (tmp_path / "voices").mkdir()
    with pytest.raises(InputError, match="does not say which"):
        check_cache_encoder(tmp_path, EnergyEncoder())
    (tmp_path / "voices" / "encoder.json").write_text('{"name": "moonshine-tiny", "dim": 580}')
    with pytest.raises(InputError, match=r"moonshine-tiny \(580 features\)"):
        check_cache_encoder(tmp_path, EnergyEncoder())


def test_training_hears_voices_through_another_encoder() -> None:
    rng = np.random.default_rng(0)
    speech = rng.standard_normal(50 * FRAME_SAMPLES).astype(np.float32) / 10
    voice = make_voice(speech, 0, 0, EnergyEncoder())
    assert voice.speech.shape == (50, 1)
    assert voice.live.shape[1:] == (LIVE_CONTEXT + LIVE_FRAMES[-1], 1)
