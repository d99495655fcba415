// The course's colours (course_utils/plots/style.py), as #rrggbb in sRGB.

export const DATA = "#0b5fa5";
export const MODEL = "#e07b0a";
export const NOISE = "#b5b5b5";
