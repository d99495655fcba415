"""Instant checks for the exercises, one module per lesson: `from course_utils.exercises import
lesson_00`.

A lesson calls `lesson_00.noisy.check(noisy)` with the learner's own function. How a check decides
is in `checks`; what it knows about one exercise (reference, usual mistakes, properties) is in that
lesson's module.
"""
