"""A face latent learned from videos, as VASA-1 has it: appearance volume, identity, pose, dynamics.

The architecture follows VASA-1 (Xu et al., arXiv:2404.10667, section 3.1) and MegaPortraits
(Drobyshev et al., arXiv:2207.07621); docs/learned.md says what is as in the papers and what is not.
"""
