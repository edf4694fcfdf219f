"""Phase 1 of the AgeGenderEmo report: age and gender on UTKFace."""

from dataclasses import replace

from train.recipes._agegendernet import AGE_AND_GENDER

RECIPE = replace(
    AGE_AND_GENDER, data=("utkface",), source="the AgeGenderEmo report (unpublished), phase 1"
)
