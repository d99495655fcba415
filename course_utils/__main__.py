"""`python -m course_utils generate | train | doctor`: see `course_utils.cli`."""

from course_utils.cli.commands import main

if __name__ == "__main__":
    main()
