"""The published side of every benchmark: the pipeline of CRISP, re-implemented from its description.

The method and its costs are kept (PNG and float32 .npy files per picture, DeepFlow, mask and blur at every load, contiguous
networks with ReLU before pooling, one window after the other, the default optimiser); what was wrong in it is put right, so that
both sides of a ratio compute the same thing. Own code. The method is by Pierre-Etienne Martin and co-authors; the CRISP code
(https://github.com/P-eMartin/crisp, CC BY 4.0) is hereby credited. Papers: Martin, Benois-Pineau, Peteri, Morlier, MTAP 2020
(doi 10.1007/s11042-020-08917-3), ICPR 2020 (arXiv 2012.05342), MMSports 2021 (arXiv 2109.14306).

Put right, against the description: reading stops at the first picture that fails; every picture has a flow and a centre of its own
(the first flow is zero); windows stay inside the recording; one crop centre per clip; vectors turn with the pixels before they are
normalised and clipped; a mirror negates u only; the crop lies inside the zoomed picture; networks return logits; statistics
come from training recordings only; validation runs in evaluation mode.
"""
