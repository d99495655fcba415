"""Instant checks for the exercises, one module per lesson: `from course_utils.exercises import
lesson_00`.

A lesson calls `lesson_00.noisy.check(noisy)` with the learner's own function. `checks` decides
whether an answer is right. Each lesson's module knows its exercises: reference, usual mistakes and
properties.
"""
