//! Reports of a study that is made up.

mod sample;

use codec_measure::plot;
use codec_measure::report;

#[test]
fn every_plot_is_well_formed_and_the_same_each_time() {
    for results in [sample::results(), sample::hostile()] {
        let plots = plot::all(&results);
        assert_eq!(plots, plot::all(&results));
        assert!(plots.len() > 20, "{}", plots.len());
        for plot in &plots {
            if let Err(error) = roxmltree::Document::parse(&plot.svg) {
                panic!("{}: {error}\n{}", plot.name, plot.svg);
            }
            assert!(!plot.svg.contains("NaN") && !plot.svg.contains("inf"), "{}", plot.name);
            if let Some(folder) = option_env!("CODEC_PLOTS") {
                std::fs::write(format!("{folder}/{}.svg", plot.name), &plot.svg).unwrap();
            }
        }
    }
}

#[test]
fn the_table_fits_the_terminal() {
    let results = sample::results();
    for width in [60, 80, 120, 200] {
        let text = report::table(&results, width, false);
        let lines: Vec<&str> = text.lines().take(4).collect();
        assert!(lines.iter().all(|line| line.chars().count() <= width), "{width}:\n{text}");
        println!("{text}");
    }
}

#[test]
fn the_page_needs_nothing_else_and_escapes_names() {
    for (results, name) in [(sample::results(), "plain"), (sample::hostile(), "hostile")] {
        let page = report::html(&results);
        assert_eq!(page, report::html(&results));
        if let Some(folder) = option_env!("CODEC_PLOTS") {
            std::fs::write(format!("{folder}/{name}.html"), &page).unwrap();
        }
    }
}
